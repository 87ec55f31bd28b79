//! The machines under the shop, as node_exporter shows them. The real node_exporter has no past; these have one.
//!
//! Values are functions of absolute time, like everything of the shop: the load follows the requests that the machine's
//! instance answers, and payment's incident costs CPU time, memory and waiting for the disk.

use super::world::{self, EPOCH_SECS, Family, MetricKind, family, round, sample};

/// Scrape job of all machines; the demo's real node_exporter is in it too, as another instance.
pub const JOB: &str = "node";
/// Name on the exporter's paths and value of the `instance` label.
pub const INSTANCES: [(&str, &str); 3] = [
    ("host-1", "shop-1:9100"),
    ("host-2", "shop-2:9100"),
    ("host-3", "shop-3:9100"),
];

/// Of the CPU time, per CPU: its label and its share of the requests, which are not spread evenly.
const CPUS: [(&str, f64); 2] = [("0", 0.6), ("1", 0.4)];
/// Mode, seconds of CPU time per usual request, seconds per second of incident. What is left is `idle`. Of one CPU they
/// stay below 0.7 s per second at the busiest.
const BUSY: [(&str, f64, f64); 7] = [
    ("user", 0.006, 0.16),
    ("system", 0.0021, 0.05),
    ("iowait", 0.0007, 0.18),
    ("nice", 0.000_05, 0.0),
    ("irq", 0.000_04, 0.0),
    ("softirq", 0.0002, 0.01),
    ("steal", 0.0001, 0.0),
];
const MEMORY_BYTES: f64 = 8_326_000_640.0;
const DISK_BYTES: f64 = 105_089_261_568.0;
const DISK_BLOCK_BYTES: f64 = 4_096.0;
/// Bytes of a request and of its answer.
const REQUEST_BYTES: (f64, f64) = (1_850.0, 14_200.0);
const ROOT: [(&str, &str); 3] = [
    ("device", "/dev/vda1"),
    ("fstype", "ext4"),
    ("mountpoint", "/"),
];

/// What machine `host` (0, 1, 2) shows at `at_secs` since 1970.
#[must_use]
pub fn families(host: usize, at_secs: f64) -> Vec<Family> {
    let requests = world::all_usual_requests(host, at_secs);
    let phase = host as f64;
    let pressure = world::pressure(at_secs);
    let gauge = |name, help, value| {
        let samples = vec![sample("", &[], value)];
        family(name, MetricKind::Gauge, "", help, samples)
    };
    let disk = |name, help, value| {
        let samples = vec![sample("", &ROOT, value)];
        family(name, MetricKind::Gauge, "", help, samples)
    };
    let network = |name, help, bytes: f64| {
        let samples = vec![sample("_total", &[("device", "eth0")], bytes.floor())];
        family(name, MetricKind::Counter, "", help, samples)
    };
    let used = 0.46 + 0.05 * world::wave(at_secs, 3_600.0, phase) + 0.2 * pressure;
    let written = 0.31 + 0.04 * phase + 0.12 * world::saw(at_secs, 86_400.0, phase);
    let blocks = (DISK_BYTES * (1.0 - written) / DISK_BLOCK_BYTES).floor();
    let load = 0.6 + 0.25 * world::wave(at_secs, 900.0, phase) + 2.4 * pressure;
    vec![
        cpu(requests, at_secs),
        gauge(
            "node_memory_MemTotal_bytes",
            "Memory information field MemTotal_bytes.",
            MEMORY_BYTES,
        ),
        gauge(
            "node_memory_MemAvailable_bytes",
            "Memory information field MemAvailable_bytes.",
            (MEMORY_BYTES * (1.0 - used) / 1_024.0).floor() * 1_024.0,
        ),
        gauge("node_load1", "1m load average.", round(load, 2)),
        disk(
            "node_filesystem_size_bytes",
            "Filesystem size in bytes.",
            DISK_BYTES,
        ),
        disk(
            "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.",
            blocks * DISK_BLOCK_BYTES,
        ),
        network(
            "node_network_receive_bytes",
            "Network device statistic receive_bytes.",
            requests * REQUEST_BYTES.0,
        ),
        network(
            "node_network_transmit_bytes",
            "Network device statistic transmit_bytes.",
            requests * REQUEST_BYTES.1,
        ),
        gauge(
            "node_boot_time_seconds",
            "Node boot time, in unixtime.",
            EPOCH_SECS,
        ),
        uname(host),
    ]
}

/// The modes of one CPU add up to the time since the epoch, but for what rounding down takes.
fn cpu(requests: f64, at_secs: f64) -> Family {
    let incident = world::incident_secs(at_secs);
    let mut samples = Vec::new();
    for (cpu, share) in CPUS {
        let mut idle = at_secs - EPOCH_SECS;
        let mut add = |mode, secs: f64| {
            // node_exporter counts in hundredths.
            let value = (secs * 100.0).floor() / 100.0;
            samples.push(sample("_total", &[("cpu", cpu), ("mode", mode)], value));
        };
        for (mode, per_request, per_incident) in BUSY {
            let spent = requests * share * per_request + incident * share * per_incident;
            idle -= spent;
            add(mode, spent);
        }
        add("idle", idle);
    }
    family(
        "node_cpu_seconds",
        MetricKind::Counter,
        "",
        "Seconds the CPUs spent in each mode.",
        samples,
    )
}

fn uname(host: usize) -> Family {
    let nodename = ["shop-1", "shop-2", "shop-3"][host % INSTANCES.len()];
    let labels = [
        ("domainname", "(none)"),
        ("machine", "x86_64"),
        ("nodename", nodename),
        ("release", "6.1.0"),
        ("sysname", "Linux"),
        ("version", "#1 SMP"),
    ];
    family(
        "node_uname_info",
        MetricKind::Gauge,
        "",
        "Labeled system information as provided by the uname system call.",
        vec![sample("", &labels, 1.0)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of CPU 0: seconds per second of `mode` between two times.
    fn rate(mode: &str, from_secs: f64, to_secs: f64) -> f64 {
        let at = |at_secs| {
            let all = families(0, at_secs).swap_remove(0).samples;
            let labels = [("cpu", "0"), ("mode", mode)];
            let found = all
                .iter()
                .find(|sample| sample.labels.iter().zip(labels).all(|(a, b)| *a == b));
            found.map_or(f64::NAN, |sample| sample.value)
        };
        (at(to_secs) - at(from_secs)) / (to_secs - from_secs)
    }

    #[test]
    fn the_rates_of_a_cpus_modes_add_up_to_one_and_none_is_negative() {
        for step in 0..2_000 {
            let at = 1_795_000_000.0 + f64::from(step) * 61.7;
            let modes = BUSY.map(|(mode, ..)| rate(mode, at, at + 60.0));
            let idle = rate("idle", at, at + 60.0);
            assert!(modes.iter().all(|rate| *rate >= 0.0), "{modes:?} at {at}");
            assert!(idle > 0.2, "{idle} at {at}");
            let sum = idle + modes.iter().sum::<f64>();
            assert!((sum - 1.0).abs() < 0.002, "{sum} at {at}");
        }
    }

    #[test]
    fn an_incident_costs_cpu_time_and_memory() {
        let start = (0..7_200)
            .map(|second| 1_795_000_000.0 + f64::from(second))
            .find(|at| world::pressure(*at) == 0.0 && world::pressure(at + 1.0) > 0.0)
            .unwrap_or(f64::NAN);
        let before = rate("iowait", start - 600.0, start);
        let within = rate("iowait", start, start + 600.0);
        assert!(within > 2.0 * before, "{before}, then {within}");
        let available = |at_secs| families(0, at_secs)[2].samples[0].value;
        assert!(available(start + 600.0) < available(start) - 500e6);
    }

    #[test]
    fn what_is_available_is_part_of_what_there_is() {
        for step in 0..2_000 {
            for host in 0..INSTANCES.len() {
                let all = families(host, 1_795_000_000.0 + f64::from(step) * 97.0);
                let value = |index: usize| all[index].samples[0].value;
                assert!(value(2) > 0.0 && value(2) < value(1));
                assert!(value(3) > 0.0, "load");
                assert!(value(5) > 0.0 && value(5) < value(4));
            }
        }
    }
}
