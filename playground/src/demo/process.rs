//! Programs that the demo starts, and ends by their own process id.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::failure::Failure;

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of its log that a failure shows.
const LAST_LINES: usize = 6;

/// A running program. It is killed when this is dropped.
pub struct Process {
    pub name: &'static str,
    pub pid: u32,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it prints goes to `<log_dir>/<name>.log`, after what is there.
    ///
    /// # Errors
    /// The program is missing (`install` says what to do), or the log cannot be written.
    pub fn start(
        name: &'static str,
        mut command: Command,
        log_dir: &Path,
        install: &str,
    ) -> Result<Self, Failure> {
        let log = log_dir.join(format!("{name}.log"));
        let unwritable =
            |error| Failure::with_cause(format!("Cannot write {}.", log.display()), error);
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(unwritable)?;
        let err = out.try_clone().map_err(unwritable)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true)
            // Ctrl-C in the terminal is for the demo alone; it ends its programs itself.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Failure::with_cause(format!("{name} cannot be started. {install}"), error)
            })?;
        let pid = child.id().unwrap_or_default();
        Ok(Self {
            name,
            pid,
            child,
            log,
        })
    }

    /// Returns when it ends by itself, with the reason.
    pub async fn ended(&mut self) -> Failure {
        let how = match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        };
        self.failure(&how)
    }

    /// The reason, where it has ended already.
    pub fn has_ended(&mut self) -> Option<Failure> {
        match self.child.try_wait() {
            Ok(Some(status)) => Some(self.failure(&describe(status))),
            _ => None,
        }
    }

    fn failure(&self, how: &str) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
        Failure::with_cause(
            format!(
                "{} ended by itself: {how}. Its log is {}; the last lines:",
                self.name,
                self.log.display()
            ),
            format!("\n  {last}").trim_end(),
        )
    }

    /// SIGKILL, as a crash would be.
    pub async fn kill(&mut self) {
        // It may have ended in the meantime; that is as good.
        let _ = self.child.kill().await;
    }

    /// SIGTERM, and SIGKILL where that is not enough.
    pub async fn stop(&mut self) {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid
            && self.has_ended().is_none()
            && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
            && tokio::time::timeout(GRACE, self.child.wait()).await.is_ok()
        {
            return;
        }
        self.kill().await;
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}
