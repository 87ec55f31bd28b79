//! The relay in front mode: started, killed and started again on the same port and data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::process::Process;
use crate::failure::Failure;
use crate::net;

/// The relay serves its own origin there; only the provider's key is a secret, and a made-up one.
const KEY_VARIABLE: &str = "PERSAI_SCRIPTED_KEY";
/// Sent as the scripted provider's key; tests look for it where it must not be.
pub const SCRIPTED_KEY: &str = "sk-scripted-canary-key";
const INSTALL: &str = "Build it first: cargo build -p persai-relay.";

pub struct Relay {
    pub port: u16,
    program: PathBuf,
    config: PathBuf,
    log_dir: PathBuf,
    process: Option<Process>,
}

/// What the relay needs to know.
pub struct Neighbours<'a> {
    pub perses_url: &'a str,
    pub llm_url: &'a str,
    pub default_model: &'a str,
    /// More top-level TOML lines.
    pub more_config: &'a str,
}

impl Relay {
    /// Writes the configuration; starts nothing yet.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn new(
        program: PathBuf,
        port: u16,
        state_dir: &Path,
        log_dir: &Path,
        around: &Neighbours<'_>,
    ) -> Result<Self, Failure> {
        let config = state_dir.join("relay.toml");
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let text = format!(
            "{more}\nlisten = \"127.0.0.1:{port}\"\nperses_url = {perses}\ndata_dir = {data}\nfront = true\ndefault_model = {model}\n\n[[providers]]\nid = \"scripted\"\ntitle = \"Scripted stand-in\"\nkind = \"openaiChat\"\nbase_url = {llm}\nmodel = \"scripted\"\napi_key_env = \"{KEY_VARIABLE}\"\nallow_http = true\n",
            more = around.more_config,
            perses = quoted(around.perses_url),
            data = quoted(&state_dir.join("relay-data").to_string_lossy()),
            model = quoted(around.default_model),
            llm = quoted(&format!("{}/v1", around.llm_url)),
        );
        std::fs::write(&config, text).map_err(|error| {
            Failure::with_cause(format!("Cannot write {}.", config.display()), error)
        })?;
        Ok(Self {
            port,
            program,
            config,
            log_dir: log_dir.to_owned(),
            process: None,
        })
    }

    /// Starts it where it does not run, and waits until it answers.
    ///
    /// # Errors
    /// The program is missing, ends, or does not answer in time.
    pub async fn start(&mut self) -> Result<(), Failure> {
        if self
            .process
            .as_mut()
            .is_some_and(|process| process.has_ended().is_none())
        {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        // The demo's configuration is the file alone; a variable that is set here for something else would change it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PERSAI_") {
                command.env_remove(&name);
            }
        }
        command
            .env("PERSAI_CONFIG", &self.config)
            .env(KEY_VARIABLE, SCRIPTED_KEY);
        self.process = Some(Process::start("relay", command, &self.log_dir, INSTALL)?);
        let url = format!("http://127.0.0.1:{}/persai/v1/capabilities", self.port);
        let ready = net::wait_until("The relay", &url, Duration::from_secs(30), |body| {
            body.contains("\"persai\"")
        });
        let process = self
            .process
            .as_mut()
            .ok_or_else(|| Failure::new("The relay is gone."))?;
        let early = tokio::select! {
            ready = ready => return ready,
            failure = process.ended() => failure,
        };
        Err(early)
    }

    /// SIGKILL. The demo goes on without it.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await;
        }
    }

    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Absent while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// The reason, where it ended without being asked to.
    pub fn has_ended(&mut self) -> Option<Failure> {
        self.process.as_mut().and_then(Process::has_ended)
    }
}
