//! Everyday questions whose good answer is not one metric as it is: CPU, memory, disk, network, load, uptime of
//! node_exporter.

use super::promql::Planned;
use super::question::Ask;

/// Queries that need `metric` to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub metric: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cpu,
    Memory,
    MemoryFree,
    DiskSpace,
    DiskFree,
    DiskTraffic,
    Network,
    Load,
    Uptime,
}

/// The recipe for the words of a question. A word that is none of a recipe's own (`process`, `container`, a service's
/// name) means another metric, which the search finds.
#[must_use]
pub fn find(ask: &Ask) -> Option<Recipe> {
    if ask.metric.is_some() {
        return None;
    }
    let has = |words: &[&str]| {
        ask.keywords
            .iter()
            .any(|keyword| words.contains(&keyword.as_str()))
    };
    let only = |words: &[&str]| {
        ask.keywords
            .iter()
            .all(|keyword| words.contains(&keyword.as_str()) || COMMON.contains(&keyword.as_str()))
    };
    const COMMON: [&str; 14] = [
        "usage",
        "use",
        "used",
        "utilization",
        "utilisation",
        "load",
        "node",
        "host",
        "machine",
        "server",
        "system",
        "busy",
        "high",
        "full",
    ];
    const CPU: [&str; 3] = ["cpu", "cpus", "processor"];
    const MEMORY: [&str; 4] = ["memory", "mem", "ram", "space"];
    const FREE: [&str; 3] = ["free", "available", "left"];
    const DISK: [&str; 7] = [
        "disk",
        "disks",
        "filesystem",
        "filesystems",
        "storage",
        "space",
        "mountpoint",
    ];
    const TRAFFIC: [&str; 8] = [
        "io",
        "i/o",
        "read",
        "reads",
        "write",
        "writes",
        "throughput",
        "traffic",
    ];
    const NETWORK: [&str; 6] = [
        "network",
        "net",
        "traffic",
        "bandwidth",
        "throughput",
        "interface",
    ];
    let with = |own: &[&'static str], more: &[&'static str]| [own, more].concat();
    let recipe = |metric, kind| Some(Recipe { metric, kind });
    if has(&CPU) && only(&CPU) {
        recipe("node_cpu_seconds_total", Kind::Cpu)
    } else if has(&["memory", "mem", "ram"]) && only(&with(&MEMORY, &FREE)) {
        recipe(
            "node_memory_MemAvailable_bytes",
            if has(&FREE) {
                Kind::MemoryFree
            } else {
                Kind::Memory
            },
        )
    } else if has(&DISK) && has(&TRAFFIC) && only(&with(&DISK, &TRAFFIC)) {
        recipe("node_disk_read_bytes_total", Kind::DiskTraffic)
    } else if has(&DISK) && only(&with(&DISK, &FREE)) {
        recipe(
            "node_filesystem_avail_bytes",
            if has(&FREE) {
                Kind::DiskFree
            } else {
                Kind::DiskSpace
            },
        )
    } else if has(&["network", "net", "bandwidth"]) && only(&NETWORK) {
        recipe("node_network_receive_bytes_total", Kind::Network)
    } else if has(&["load"]) && only(&["average"]) {
        recipe("node_load1", Kind::Load)
    } else if has(&["uptime", "boot"]) && only(&["uptime", "boot"]) {
        recipe("node_boot_time_seconds", Kind::Uptime)
    } else {
        None
    }
}

impl Recipe {
    /// The queries; `by` are labels that the metric has.
    #[must_use]
    pub fn plan(&self, ask: &Ask, by: &[String]) -> Vec<Planned> {
        let list = by.join(", ");
        let by_list = |usual: &str| {
            let labels = if by.is_empty() { usual } else { list.as_str() };
            if labels.is_empty() {
                String::new()
            } else {
                format!(" by ({labels})")
            }
        };
        let title_by = if by.is_empty() {
            String::new()
        } else {
            format!(" by {list}")
        };
        let rate = |name: &str, filter: &str| format!("rate({name}{filter}[$__rate_interval])");
        let pairs: Vec<(String, String)> = match self.kind {
            Kind::Cpu if by.iter().any(|label| label == "mode") => {
                vec![(
                    format!("CPU{title_by}"),
                    format!("sum by ({list}) ({})", rate(self.metric, "")),
                )]
            }
            Kind::Cpu => vec![(
                format!("CPU usage{title_by}"),
                format!(
                    "1 - avg{} ({})",
                    by_list(""),
                    rate(self.metric, "{mode=\"idle\"}")
                ),
            )],
            Kind::Memory => vec![(
                "Memory in use".to_owned(),
                "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes".to_owned(),
            )],
            Kind::MemoryFree => vec![(
                "Memory available".to_owned(),
                "node_memory_MemAvailable_bytes".to_owned(),
            )],
            Kind::DiskSpace => {
                let keep = by_list("instance, mountpoint");
                let real = "{fstype!~\"tmpfs|overlay|squashfs|ramfs\"}";
                vec![(
                    "Disk space in use".to_owned(),
                    format!(
                        "1 - sum{keep} (node_filesystem_avail_bytes{real}) / sum{keep} (node_filesystem_size_bytes{real})"
                    ),
                )]
            }
            Kind::DiskFree => vec![(
                "Disk space available".to_owned(),
                format!(
                    "sum{} (node_filesystem_avail_bytes{{fstype!~\"tmpfs|overlay|squashfs|ramfs\"}})",
                    by_list("instance, mountpoint")
                ),
            )],
            Kind::DiskTraffic => ["read", "written"]
                .map(|way| {
                    let name = format!("node_disk_{way}_bytes_total");
                    (
                        format!("Disk bytes {way}"),
                        format!("sum{} ({})", by_list("device"), rate(&name, "")),
                    )
                })
                .to_vec(),
            Kind::Network => [("receive", "received"), ("transmit", "sent")]
                .map(|(way, word)| {
                    let name = format!("node_network_{way}_bytes_total");
                    (
                        format!("Network bytes {word}"),
                        format!(
                            "sum{} ({})",
                            by_list("device"),
                            rate(&name, "{device!=\"lo\"}")
                        ),
                    )
                })
                .to_vec(),
            Kind::Load => vec![("Load over 1 minute".to_owned(), "node_load1".to_owned())],
            Kind::Uptime => vec![(
                "Time since boot".to_owned(),
                "time() - node_boot_time_seconds".to_owned(),
            )],
        };
        pairs
            .into_iter()
            .map(|(title, query)| {
                let (rank, query) = match (ask.top, ask.bottom) {
                    (Some(n), _) => (format!("Top {n}: "), format!("topk({n}, {query})")),
                    (None, Some(n)) => (format!("Lowest {n}: "), format!("bottomk({n}, {query})")),
                    (None, None) => (String::new(), query),
                };
                Planned {
                    title: rank + &title,
                    query,
                    instant: ask.top.or(ask.bottom).is_some() || ask.when.now,
                }
            })
            .collect()
    }
}
