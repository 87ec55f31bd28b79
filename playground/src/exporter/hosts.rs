//! The machines under the shop, so that questions about CPU time have a past: the real node_exporter has none.
//!
//! As node_exporter names it, and continuous from blocks to scrapes like everything of the shop.

use super::world::{Family, MetricKind, Sample};

const CPUS: [&str; 2] = ["0", "1"];
/// Seconds of CPU time per request; what is left is `idle`.
const BUSY: [(&str, f64); 5] = [
    ("user", 0.006),
    ("system", 0.0021),
    ("iowait", 0.0007),
    ("softirq", 0.0002),
    ("steal", 0.0001),
];
/// The load is not spread evenly.
const SHARES: [f64; 2] = [0.6, 0.4];

/// `node_cpu_seconds_total` of a machine that has answered `requests` in the `elapsed_secs` since it was started.
#[must_use]
pub fn cpu(requests: f64, elapsed_secs: f64) -> Family {
    let mut samples = Vec::new();
    for (cpu, share) in CPUS.into_iter().zip(SHARES) {
        let mut idle = elapsed_secs;
        for (mode, secs) in BUSY {
            let spent = requests * secs * share;
            idle -= spent;
            samples.push(sample(cpu, mode, spent));
        }
        samples.push(sample(cpu, "idle", idle));
    }
    Family {
        name: "node_cpu_seconds",
        kind: MetricKind::Counter,
        unit: "seconds",
        help: "Seconds the CPUs spent in each mode.",
        samples,
    }
}

fn sample(cpu: &'static str, mode: &'static str, secs: f64) -> Sample {
    Sample {
        suffix: "_total",
        labels: vec![("cpu", cpu), ("mode", mode)],
        value: (secs * 100.0).floor() / 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::cpu;

    #[test]
    fn the_modes_of_a_cpu_add_up_to_the_time() {
        let family = cpu(480_000.0, 10_000.0);
        for name in ["0", "1"] {
            let of_cpu = family
                .samples
                .iter()
                .filter(|sample| sample.labels[0].1 == name);
            let sum: f64 = of_cpu.map(|sample| sample.value).sum();
            assert!((sum - 10_000.0).abs() < 0.1, "{name}: {sum}");
        }
        assert!(family.samples.iter().all(|sample| sample.value > 0.0));
    }
}
