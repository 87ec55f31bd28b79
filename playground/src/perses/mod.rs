//! A stand-in for a Perses server, as the real one was seen at 0.53 (and 0.52 where it differs).
//!
//! Start at [`routes`]: the whole route table is there, and what it does not name answers 501. [`world`] says which
//! users, projects and datasources exist; [`identity`] decides who asks; [`proxy`] forwards to datasources.
//!
//! Known differences from a real Perses: it writes nothing, it knows no dashboards, and a user marked `deleted` can log
//! in (that is how tests get a well-signed token of a user that does not exist).

pub mod answer;
pub mod datasources;
pub mod files;
pub mod go_path;
pub mod identity;
pub mod plugins;
pub mod proxy;
pub mod routes;
pub mod sign_in;
pub mod token;
pub mod trouble;
pub mod ui;
pub mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::net::{self, Server};
use crate::record::Recorder;
use token::Signer;
use world::World;

/// Which Perses it behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Version {
    /// No `whoami` route; a missing token is a 400.
    #[value(name = "0.52")]
    V052,
    #[default]
    #[value(name = "0.53")]
    V053,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub version: Version,
    /// False: nobody is asked who they are, and `whoami` is a 401, as at Perses.
    pub authentication: bool,
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    pub world: World,
    /// Plugin folders, or folders of plugin folders; see [`plugins::find`].
    pub plugin_paths: Vec<PathBuf>,
    /// Folder with the page's `index.html`; without it pages answer 501.
    pub ui: Option<PathBuf>,
}

impl Settings {
    /// Authentication on, 0.53, Perses' own lifetimes: 15 minutes and 24 hours.
    #[must_use]
    pub fn new(listen: SocketAddr, world: World) -> Self {
        Self {
            listen,
            version: Version::default(),
            authentication: true,
            access_ttl: Duration::from_secs(15 * 60),
            refresh_ttl: Duration::from_secs(24 * 3600),
            world,
            plugin_paths: Vec::new(),
            ui: None,
        }
    }
}

/// What the handlers share.
pub struct Perses {
    pub version: Version,
    pub authentication: bool,
    pub world: World,
    pub signer: Signer,
    pub plugin_paths: Vec<PathBuf>,
    pub ui: Option<PathBuf>,
    pub files: files::Files,
    pub upstream: reqwest::Client,
    pub recorder: Recorder,
}

/// Starts it.
///
/// # Errors
/// The address is taken, or the HTTP client cannot be made.
pub async fn start(settings: Settings) -> Result<Server, Failure> {
    let upstream = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| Failure::with_cause("The HTTP client could not be made.", error))?;
    let perses = Perses {
        version: settings.version,
        authentication: settings.authentication,
        world: settings.world,
        signer: Signer::new(settings.access_ttl, settings.refresh_ttl),
        plugin_paths: settings.plugin_paths,
        ui: settings.ui,
        files: files::Files::default(),
        upstream,
        recorder: Recorder::default(),
    };
    net::serve(routes::router(Arc::new(perses)), settings.listen).await
}
