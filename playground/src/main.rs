//! `persai-playground`: a small world to run PersAI in.
//!
//! ```text
//! persai-playground demo                 everything, at http://127.0.0.1:8090 (DEMO_PORT); Ctrl-C stops all
//! persai-playground demo --json          the same for tests: one line of JSON when ready (see demo::control)
//! persai-playground perses --prometheus http://127.0.0.1:9090
//! persai-playground llm
//! persai-playground exporter
//! persai-playground blocks --dir DIR --hours 6
//! ```
//!
//! Run it inside the project. `perses`, `llm` and `exporter` print one line of JSON with their URLs when they listen,
//! and run until they are stopped. `--help` on each lists its options.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use persai_playground::demo::{self, page};
use persai_playground::exporter::{blocks, serve};
use persai_playground::failure::Failure;
use persai_playground::llm::{self, script::Scripts};
use persai_playground::net::{self, loopback};
use persai_playground::perses::world::World;
use persai_playground::perses::{self, Settings, Version, trouble};
use persai_playground::record::now_ms;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "A small world to run PersAI in: stand-ins, fixtures and the demo.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything at once.
    Demo(demo::Options),
    /// The Perses stand-in, and the upstreams that make trouble.
    Perses(PersesOptions),
    /// The scripted OpenAI-compatible stand-in.
    Llm(LlmOptions),
    /// The shop's exporter.
    Exporter {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Writes the shop's past as Prometheus blocks that end now.
    Blocks {
        /// Prometheus' data folder.
        #[arg(long)]
        dir: PathBuf,
        #[arg(long, default_value_t = 6)]
        hours: u32,
        #[arg(long, default_value_t = 15)]
        step_secs: u32,
    },
}

#[derive(clap::Args)]
struct PersesOptions {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Behaves like this Perses.
    #[arg(long, default_value = "0.53")]
    version: Version,
    #[arg(long, default_value = "on")]
    auth: Switch,
    #[arg(long, default_value_t = 900)]
    access_ttl_secs: u64,
    #[arg(long, default_value_t = 86_400)]
    refresh_ttl_secs: u64,
    /// `{prometheus}` of the world file.
    #[arg(long, default_value = "http://127.0.0.1:9090")]
    prometheus: String,
    /// Users, projects and datasources as JSON; default: the built-in world.
    #[arg(long)]
    world: Option<PathBuf>,
    /// Folder of the page.
    #[arg(long)]
    ui: Option<PathBuf>,
    /// A plugin folder or a folder of them; may be given again.
    #[arg(long)]
    plugin: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct LlmOptions {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Folder of script files. Default: `playground/scripts`.
    #[arg(long)]
    scripts: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(options) => demo::run(options).await,
        Command::Perses(options) => {
            let trouble = net::serve(trouble::router(), loopback(0)).await?;
            let world = World::load(
                options.world.as_deref(),
                &options.prometheus,
                &trouble.url(),
            )?;
            let perses = perses::start(Settings {
                listen: options.listen,
                version: options.version,
                authentication: options.auth == Switch::On,
                access_ttl: Duration::from_secs(options.access_ttl_secs),
                refresh_ttl: Duration::from_secs(options.refresh_ttl_secs),
                world,
                plugin_paths: options.plugin,
                ui: options.ui,
            })
            .await?;
            println!(
                "{}",
                json!({"url": perses.url(), "troubleUrl": trouble.url()})
            );
            until_stopped().await
        }
        Command::Llm(options) => {
            let folder = match options.scripts {
                Some(folder) => folder,
                None => page::project_root()?.join("playground/scripts"),
            };
            let llm = llm::start(options.listen, Scripts::load(&folder)?).await?;
            println!("{}", json!({"url": llm.url()}));
            until_stopped().await
        }
        Command::Exporter { listen } => {
            let exporter = serve::start(listen).await?;
            println!("{}", json!({"url": exporter.url()}));
            until_stopped().await
        }
        Command::Blocks {
            dir,
            hours,
            step_secs,
        } => {
            let past = blocks::Past {
                end_secs: i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX),
                length_secs: i64::from(hours) * 3600,
                step_secs: i64::from(step_secs),
            };
            blocks::write(past, &dir).await
        }
    }
}

/// Ctrl-C or SIGTERM.
async fn until_stopped() -> Result<(), Failure> {
    let cannot_wait = |error| Failure::with_cause("Signals cannot be waited for.", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_wait)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_wait)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
