//! Everything that runs, in the order in which it needs each other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, mpsc};

use super::control::{self, Control};
use super::prometheus::{self, Prometheus};
use super::relay::{Neighbours, Relay};
use super::{Options, page, say};
use crate::exporter::serve as exporter;
use crate::failure::Failure;
use crate::llm::{self, script::Scripts};
use crate::net::{self, Server, loopback};
use crate::perses::world::World;
use crate::perses::{self, Settings, plugins, trouble};

pub struct Stack {
    pub state_dir: PathBuf,
    /// Without a page there is only an API behind the demo's port.
    pub has_page: bool,
    /// Names of the plugin modules that are served.
    pub modules: Vec<String>,
    pub perses: Server,
    pub trouble: Server,
    pub llm: Server,
    pub exporter: Server,
    pub control: Server,
    pub prometheus: Prometheus,
    pub port: u16,
    relay: Arc<Mutex<Option<Relay>>>,
    summary: Value,
}

impl Stack {
    /// Starts all parts and waits until Prometheus has data and the relay answers.
    ///
    /// # Errors
    /// The first part that does not start.
    pub async fn start(options: &Options, stop: mpsc::Sender<()>) -> Result<Self, Failure> {
        let root = page::project_root()?;
        let state_dir = options
            .state_dir
            .clone()
            .unwrap_or_else(|| root.join(".demo"));
        let log_dir = state_dir.join("logs");
        check_port(options.port).await?;
        if log_dir.exists() {
            // Logs of an earlier run would only confuse; what cannot be removed is written after.
            let _ = std::fs::remove_dir_all(&log_dir);
        }
        std::fs::create_dir_all(&log_dir).map_err(|error| {
            Failure::with_cause(format!("Cannot write to {}.", log_dir.display()), error)
        })?;
        let state_dir = state_dir
            .canonicalize()
            .map_err(|error| Failure::with_cause("The state folder has no path.", error))?;
        let ui = page::ui(options, &root);
        let plugin_paths = page::plugin_paths(options, &root, &state_dir)?;

        say::progress(options, "Writing the shop's past and starting Prometheus");
        let exporter = exporter::start(loopback(0)).await?;
        let prometheus = prometheus::start(
            &state_dir.join("prometheus"),
            &log_dir,
            exporter.addr.port(),
            options.hours,
        )
        .await?;
        let trouble = net::serve(trouble::router(), loopback(0)).await?;
        let llm = llm::start(
            loopback(0),
            Scripts::load(&root.join("playground/scripts"))?,
        )
        .await?;

        let modules = plugins::find(&plugin_paths)
            .into_iter()
            .map(|module| module.name)
            .collect();
        let world = World::load(options.world.as_deref(), &prometheus.url, &trouble.url())?;
        let world = if options.trouble || options.json {
            world
        } else {
            world.without_trouble()
        };
        let front_port = if options.no_relay { options.port } else { 0 };
        let mut settings = Settings::new(loopback(front_port), world);
        settings.version = options.perses_version;
        settings.authentication = !options.no_auth;
        settings.access_ttl = Duration::from_secs(options.access_ttl_secs);
        settings.refresh_ttl = Duration::from_secs(options.refresh_ttl_secs);
        settings.plugin_paths = plugin_paths;
        settings.ui.clone_from(&ui);
        let perses = perses::start(settings).await?;

        let (relay, port) = if options.no_relay {
            (None, perses.addr.port())
        } else {
            let port = if options.port == 0 {
                net::free_port()?
            } else {
                options.port
            };
            let around = Neighbours {
                perses_url: &perses.url(),
                llm_url: &llm.url(),
                default_model: &options.default_model,
                more_config: &options.relay_config,
            };
            let mut relay =
                Relay::new(relay_program(options)?, port, &state_dir, &log_dir, &around)?;
            relay.start().await?;
            (Some(relay), port)
        };
        if !options.no_wait {
            say::progress(options, "Waiting for the first data of this machine");
            prometheus::wait_for_data(&prometheus.url).await?;
        }

        let relay_pid = relay.as_ref().and_then(Relay::pid);
        let relay = Arc::new(Mutex::new(relay));
        let summary = Arc::new(OnceCell::new());
        let steering = Control {
            relay: Arc::clone(&relay),
            stop,
            summary: Arc::clone(&summary),
        };
        let control = net::serve(control::router(steering), loopback(0)).await?;
        let mut stack = Self {
            state_dir,
            has_page: ui.is_some(),
            modules,
            perses,
            trouble,
            llm,
            exporter,
            control,
            prometheus,
            port,
            relay,
            summary: Value::Null,
        };
        stack.summary = stack.describe(options, relay_pid);
        // Nobody else sets it.
        let _ = summary.set(stack.summary.clone());
        Ok(stack)
    }

    fn describe(&self, options: &Options, relay_pid: Option<u32>) -> Value {
        json!({
            "url": format!("http://{}:{}", options.host_name, self.port),
            "port": self.port,
            "hasPage": self.has_page,
            "modules": self.modules,
            "stateDir": self.state_dir,
            "urls": {
                "front": format!("http://127.0.0.1:{}", self.port),
                "perses": self.perses.url(),
                "prometheus": self.prometheus.url,
                "nodeExporter": self.prometheus.node_exporter_url,
                "exporter": self.exporter.url(),
                "llm": self.llm.url(),
                "trouble": self.trouble.url(),
                "control": self.control.url(),
            },
            "pids": {
                "demo": std::process::id(),
                "relay": relay_pid,
                "prometheus": self.prometheus.process.pid,
                "nodeExporter": self.prometheus.node_exporter.pid,
            },
            "users": [
                {"login": "alice", "password": "alice-password"},
                {"login": "bob", "password": "bob-password"},
            ],
        })
    }

    /// What `--json` prints.
    #[must_use]
    pub fn summary(&self) -> &Value {
        &self.summary
    }

    /// Returns when a program ends that nobody asked to end.
    pub async fn first_end(&mut self) -> Failure {
        let relay = Arc::clone(&self.relay);
        let relay_end = async {
            loop {
                if let Some(failure) = relay.lock().await.as_mut().and_then(Relay::has_ended) {
                    return failure;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        tokio::select! {
            failure = self.prometheus.process.ended() => failure,
            failure = self.prometheus.node_exporter.ended() => failure,
            failure = relay_end => failure,
        }
    }

    /// Ends every program that was started here, each by its id.
    pub async fn stop(&mut self) {
        if let Some(relay) = self.relay.lock().await.as_mut() {
            relay.stop().await;
        }
        self.prometheus.process.stop().await;
        self.prometheus.node_exporter.stop().await;
    }
}

/// Says at once that the port is taken, and not after half a minute.
async fn check_port(port: u16) -> Result<(), Failure> {
    match tokio::net::TcpListener::bind(loopback(port)).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let sentence =
                format!("Port {port} is in use. Choose another one: DEMO_PORT=8091 make demo.");
            Err(Failure::with_cause(sentence, error))
        }
    }
}

/// As given, else beside this program.
fn relay_program(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(path) = &options.relay {
        return Ok(path.clone());
    }
    let me = std::env::current_exe()
        .map_err(|error| Failure::with_cause("This program has no path.", error))?;
    let beside = me.with_file_name("persai-relay");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Failure::new(
        "The relay has not been built. Run: cargo build -p persai-relay",
    ))
}
