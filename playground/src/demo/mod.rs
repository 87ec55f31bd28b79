//! `demo`: the whole small world on loopback, for people and for the end-to-end tests.
//!
//! [`stack`] brings it up, [`process`] holds the programs that are not ours, [`relay`] the relay that a test may kill
//! and start again, [`control`] the listener for that, [`page`] finds what is served, [`say`] prints.

pub mod control;
pub mod page;
pub mod process;
pub mod prometheus;
pub mod relay;
pub mod say;
pub mod stack;

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::perses::Version;
use stack::Stack;

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Port of the page; 0 takes a free one.
    #[arg(long, env = "DEMO_PORT", default_value_t = 8090)]
    pub port: u16,
    /// Print one line of JSON when ready, instead of the words.
    #[arg(long)]
    pub json: bool,
    /// Keeps the relay's conversations and all logs there. Default: `.demo` in the project.
    #[arg(long)]
    pub state_dir: Option<PathBuf>,
    /// Another name for this machine, used in the printed URL.
    #[arg(long, default_value = "127.0.0.1")]
    pub host_name: String,
    /// Hours of the shop's past to write.
    #[arg(long, default_value_t = 6)]
    pub hours: u32,
    /// The relay's program. Default: `persai-relay` beside this one.
    #[arg(long)]
    pub relay: Option<PathBuf>,
    /// Start no relay: the Perses stand-in itself serves the page.
    #[arg(long)]
    pub no_relay: bool,
    /// Be ready before Prometheus has scraped anything.
    #[arg(long)]
    pub no_wait: bool,
    /// Serve this page. Default: `playground/ui/dist`.
    #[arg(long)]
    pub ui: Option<PathBuf>,
    /// A plugin folder, a folder of plugin folders, or a plugin archive; may be given again. Default: the newest
    /// `js-shim` archive and the Perses plugins in `playground/plugins`.
    #[arg(long)]
    pub plugin: Vec<PathBuf>,
    /// Seconds that an access token lives.
    #[arg(long, default_value_t = 900)]
    pub access_ttl_secs: u64,
    /// Seconds that a refresh token lives.
    #[arg(long, default_value_t = 86_400)]
    pub refresh_ttl_secs: u64,
    /// Users, projects and datasources; default: the built-in world.
    #[arg(long)]
    pub world: Option<PathBuf>,
    /// Offer the datasources that make trouble as well; `--json` does so by itself.
    #[arg(long)]
    pub trouble: bool,
    /// The Perses stand-in behaves like this version.
    #[arg(long, default_value = "0.53")]
    pub perses_version: Version,
    /// The Perses stand-in asks nobody who they are.
    #[arg(long)]
    pub no_auth: bool,
    /// Model that is used when a question names none: `builtin` or `scripted`.
    #[arg(long, default_value = "builtin")]
    pub default_model: String,
    /// More lines for the relay's configuration file (TOML), put at its beginning.
    #[arg(long, default_value = "")]
    pub relay_config: String,
}

/// Runs until Ctrl-C, SIGTERM, SIGHUP, `POST /stop`, or the end of one part.
///
/// # Errors
/// A part is missing, does not start, or ended by itself.
pub async fn run(options: Options) -> Result<(), Failure> {
    let cannot_wait = |error| Failure::with_cause("Signals cannot be waited for.", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_wait)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_wait)?;
    // A terminal that is closed.
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot_wait)?;
    let (stop, mut stopped) = tokio::sync::mpsc::channel(1);

    let starting = Stack::start(&options, stop);
    let mut stack = tokio::select! {
        stack = starting => stack?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
        _ = hangup.recv() => return Ok(()),
    };
    say::ready(&options, &stack);
    let ended = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
        _ = stopped.recv() => Ok(()),
        failure = stack.first_end() => Err(failure),
    };
    stack.stop().await;
    ended
}
