//! Prometheus and node exporter (Debian's packages), and the past that Prometheus starts with.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::process::Process;
use crate::exporter::blocks::{self, Past};
use crate::failure::Failure;
use crate::net;
use crate::record::now_ms;

const PAST_STEP_SECS: i64 = 15;
const INSTALL_PROMETHEUS: &str = "Install Prometheus (Debian: apt-get install --no-install-recommends prometheus), or put it into PATH.";
const INSTALL_NODE_EXPORTER: &str = "Install node exporter (Debian: apt-get install --no-install-recommends prometheus-node-exporter), or put it into PATH.";

pub struct Prometheus {
    pub url: String,
    pub process: Process,
    pub node_exporter_url: String,
    pub node_exporter: Process,
}

/// Writes the past, starts both, waits until Prometheus is ready. Its data of an earlier run is removed: the blocks
/// have to end where the scrapes begin.
///
/// # Errors
/// A program is missing, or Prometheus does not become ready.
pub async fn start(
    dir: &Path,
    log_dir: &Path,
    exporter_port: u16,
    hours: u32,
) -> Result<Prometheus, Failure> {
    let data = dir.join("data");
    let disk = |error| Failure::with_cause(format!("Cannot write to {}.", dir.display()), error);
    if data.exists() {
        std::fs::remove_dir_all(&data).map_err(disk)?;
    }
    std::fs::create_dir_all(&data).map_err(disk)?;

    let node_port = net::free_port()?;
    let mut command = Command::new("prometheus-node-exporter");
    command
        .arg(format!("--web.listen-address=127.0.0.1:{node_port}"))
        .arg("--no-collector.systemd")
        .arg("--log.level=error");
    let node_exporter = Process::start("node-exporter", command, log_dir, INSTALL_NODE_EXPORTER)?;

    let end_secs = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
    let past = Past {
        end_secs,
        length_secs: i64::from(hours) * 3600,
        step_secs: PAST_STEP_SECS,
    };
    blocks::write(past, &data).await?;

    let port = net::free_port()?;
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, configuration(port, node_port, exporter_port)).map_err(disk)?;
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--storage.tsdb.retention.time=15d")
        .arg("--log.level=warn");
    let process = Process::start("prometheus", command, log_dir, INSTALL_PROMETHEUS)?;
    let url = format!("http://127.0.0.1:{port}");
    net::wait_until(
        "Prometheus",
        &format!("{url}/-/ready"),
        Duration::from_secs(60),
        |_| true,
    )
    .await?;
    Ok(Prometheus {
        url,
        process,
        node_exporter_url: format!("http://127.0.0.1:{node_port}"),
        node_exporter,
    })
}

/// Every job has been scraped, and node exporter twice by the last multiple of 15 s: a subquery stands on those, as a
/// panel's points do. Percent-encoded.
const HAS_DATA: &str = "last_over_time(count(rate(node_cpu_seconds_total%7Binstance%3D%22this-machine%22%7D%5B1m%5D))%5B15s:15s%5D)\
                        %20and%20on()%20count(up%7Bjob%3D%22shop%22%7D%20%3D%3D%201)\
                        %20and%20on()%20up%7Bjob%3D%22prometheus%22%7D%20%3D%3D%201";

/// Waits until a panel with a step of 15 s would show something of every job.
///
/// # Errors
/// It takes more than a minute.
pub async fn wait_for_data(url: &str) -> Result<(), Failure> {
    let ask = format!("{url}/api/v1/query?query={HAS_DATA}");
    net::wait_until(
        "Prometheus with data",
        &ask,
        Duration::from_secs(60),
        |body| body.contains("\"value\":"),
    )
    .await
}

fn configuration(port: u16, node_port: u16, exporter_port: u16) -> String {
    include_str!("prometheus.yml")
        .replace("{port}", &port.to_string())
        .replace("{node_port}", &node_port.to_string())
        .replace("{exporter_port}", &exporter_port.to_string())
}

#[cfg(test)]
mod tests {
    use super::configuration;
    use crate::exporter::{targets, world};

    #[test]
    fn the_scrape_configuration_names_what_the_blocks_hold() {
        let text = configuration(1, 2, 3);
        for target in targets::all() {
            let (instance, name) = (target.instance, target.name);
            let labels = format!("instance: '{instance}', __metrics_path__: '/metrics/{name}'");
            let (before, _) = text.split_once(&labels).unwrap_or_default();
            let job = before.rsplit("job_name: ").next().unwrap_or_default();
            assert!(job.starts_with(&format!("{}\n", target.job)), "{labels}");
        }
        assert!(text.contains(&format!("instance: '{}'", world::DOWN_INSTANCE)));
        assert!(!text.contains("_port}"), "{text}");
    }
}
