//! The shop: services checkout, cart and payment, each on three instances.
//!
//! Every value is a function of the time alone. Counters are integrals in closed form, rounded down, so they rise over
//! any two times, however far apart the scrapes are. Payment has an incident of ten minutes every two hours.

use std::f64::consts::TAU;

/// Scrape job of all instances.
pub const JOB: &str = "shop";
/// Name on the exporter's paths and value of the `instance` label.
pub const INSTANCES: [(&str, &str); 3] = [
    ("shop-1", "shop-1:8080"),
    ("shop-2", "shop-2:8080"),
    ("shop-3", "shop-3:8080"),
];
/// In the scrape configuration, but nothing listens there: `up` is 0.
pub const DOWN_INSTANCE: &str = "shop-4:8080";

/// Seconds since 1970 at which all counters were 0.
pub(super) const EPOCH_SECS: f64 = 1_760_000_000.0;
const INCIDENT_PERIOD_SECS: f64 = 7_200.0;
const INCIDENT_START_SECS: f64 = 4_500.0;
const INCIDENT_SECS: f64 = 600.0;
/// Requests that fail per second and instance while payment has its incident.
const INCIDENT_RATE: f64 = 1.5;
const BUCKETS: [(&str, f64, f64); 7] = [
    // le, share of usual requests at or below it, share of an incident's requests
    ("0.05", 0.42, 0.0),
    ("0.1", 0.71, 0.0),
    ("0.25", 0.90, 0.02),
    ("0.5", 0.97, 0.10),
    ("1.0", 0.992, 0.35),
    ("2.5", 0.999, 0.80),
    ("+Inf", 1.0, 1.0),
];
/// Mean seconds of a usual request and of an incident's.
const MEAN_SECS: (f64, f64) = (0.11, 1.7);

struct Service {
    name: &'static str,
    /// Mean requests per second and instance.
    rate: f64,
    has_incident: bool,
}

const SERVICES: [Service; 3] = [
    Service {
        name: "cart",
        rate: 30.0,
        has_incident: false,
    },
    Service {
        name: "checkout",
        rate: 12.0,
        has_incident: false,
    },
    Service {
        name: "payment",
        rate: 6.0,
        has_incident: true,
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// One OpenMetrics family at one time and instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Without `_total`, `_bucket`, ...
    pub name: &'static str,
    pub kind: MetricKind,
    /// Empty: none. Else `name` ends with it.
    pub unit: &'static str,
    pub help: &'static str,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub suffix: &'static str,
    pub labels: Vec<(&'static str, &'static str)>,
    pub value: f64,
}

pub(super) fn sample(
    suffix: &'static str,
    labels: &[(&'static str, &'static str)],
    value: f64,
) -> Sample {
    Sample {
        suffix,
        labels: labels.to_vec(),
        value,
    }
}

/// What instance `instance` (0, 1, 2) shows at `at_secs` since 1970.
#[must_use]
pub fn families(instance: usize, at_secs: f64) -> Vec<Family> {
    let mut requests = Vec::new();
    let mut durations = Vec::new();
    let mut hits = Vec::new();
    for service in &SERVICES {
        let by_service = [("service", service.name)];
        let usual = usual_requests(service, instance, at_secs);
        let failed = if service.has_incident {
            INCIDENT_RATE * incident_secs(at_secs)
        } else {
            0.0
        };
        for (code, count) in [
            ("200", usual * 0.985),
            ("404", usual * 0.012),
            ("500", usual * 0.003 + failed),
        ] {
            requests.push(sample(
                "_total",
                &[("service", service.name), ("code", code)],
                count.floor(),
            ));
        }
        for (le, usual_share, incident_share) in BUCKETS {
            let count = (usual * usual_share + failed * incident_share).floor();
            durations.push(sample(
                "_bucket",
                &[("service", service.name), ("le", le)],
                count,
            ));
        }
        durations.push(sample(
            "_sum",
            &by_service,
            round(usual * MEAN_SECS.0 + failed * MEAN_SECS.1, 3),
        ));
        durations.push(sample("_count", &by_service, (usual + failed).floor()));
        hits.push(sample(
            "",
            &by_service,
            round(0.93 + 0.04 * wave(at_secs, 2_700.0, service.rate), 4),
        ));
    }
    let checkouts = usual_requests(&SERVICES[1], instance, at_secs);
    let orders = [("card", 0.12), ("invoice", 0.03), ("transfer", 0.05)].map(|(method, share)| {
        sample(
            "_total",
            &[("payment_method", method)],
            (checkouts * share).floor(),
        )
    });
    let phase = instance as f64;
    vec![
        family(
            "http_requests",
            MetricKind::Counter,
            "",
            "HTTP requests by service and status code.",
            requests,
        ),
        family(
            "http_request_duration_seconds",
            MetricKind::Histogram,
            "seconds",
            "Time from a request's arrival to the end of its answer.",
            durations,
        ),
        family(
            "shop_orders",
            MetricKind::Counter,
            "",
            "Orders that were placed, by payment method.",
            orders.to_vec(),
        ),
        family(
            "shop_revenue_euros",
            MetricKind::Counter,
            "euros",
            "Money taken by placed orders.",
            vec![sample("_total", &[], round(checkouts * 0.2 * 41.5, 2))],
        ),
        family(
            "queue_length",
            MetricKind::Gauge,
            "",
            "Messages that wait in a queue.",
            vec![
                sample(
                    "",
                    &[("service", "payment"), ("queue", "settlements")],
                    backlog(at_secs, phase),
                ),
                sample(
                    "",
                    &[("service", "checkout"), ("queue", "mails")],
                    (6.0 + 5.0 * wave(at_secs, 900.0, phase)).round(),
                ),
            ],
        ),
        family(
            "shop_cache_hit_ratio",
            MetricKind::Gauge,
            "ratio",
            "Share of reads that the cache answered.",
            hits,
        ),
        family(
            "process_cpu_seconds",
            MetricKind::Counter,
            "seconds",
            "CPU time of the process.",
            vec![sample(
                "_total",
                &[],
                round((checkouts + phase * 1_000.0) * 0.021, 2),
            )],
        ),
        family(
            "process_resident_memory_bytes",
            MetricKind::Gauge,
            "bytes",
            "Memory of the process that is in RAM.",
            vec![sample(
                "",
                &[],
                ((180.0 + 40.0 * saw(at_secs, 5_400.0, phase) + 10.0 * phase) * 1_048_576.0)
                    .round(),
            )],
        ),
        family(
            "process_open_fds",
            MetricKind::Gauge,
            "",
            "File descriptors that are open.",
            vec![sample(
                "",
                &[],
                (90.0 + 25.0 * wave(at_secs, 1_200.0, phase)).round(),
            )],
        ),
        family(
            "process_start_time_seconds",
            MetricKind::Gauge,
            "seconds",
            "When the process started, since 1970.",
            vec![sample("", &[], EPOCH_SECS)],
        ),
        family(
            "shop_build",
            MetricKind::Info,
            "",
            "Version of the shop.",
            vec![sample("_info", &[("version", "4.2.0")], 1.0)],
        ),
    ]
}

pub(super) fn family(
    name: &'static str,
    kind: MetricKind,
    unit: &'static str,
    help: &'static str,
    samples: Vec<Sample>,
) -> Family {
    Family {
        name,
        kind,
        unit,
        help,
        samples,
    }
}

/// Requests since the epoch: a day's wave and a quarter hour's, of which the integral is exact.
fn usual_requests(service: &Service, instance: usize, at_secs: f64) -> f64 {
    let elapsed = at_secs - EPOCH_SECS;
    let phase = instance as f64 * 0.7 + service.rate;
    let integral = |amplitude: f64, period: f64| {
        amplitude * period / TAU * ((phase).cos() - (TAU * elapsed / period + phase).cos())
    };
    service.rate * (elapsed + integral(0.35, 86_400.0) + integral(0.2, 900.0))
}

/// Seconds of incident between the epoch and `at_secs`.
pub(super) fn incident_secs(at_secs: f64) -> f64 {
    let elapsed = at_secs - EPOCH_SECS;
    let whole = (elapsed / INCIDENT_PERIOD_SECS).floor();
    let within = elapsed - whole * INCIDENT_PERIOD_SECS - INCIDENT_START_SECS;
    whole * INCIDENT_SECS + within.clamp(0.0, INCIDENT_SECS)
}

/// Usual requests of all services since the epoch, at one instance.
pub(super) fn all_usual_requests(instance: usize, at_secs: f64) -> f64 {
    SERVICES
        .iter()
        .map(|service| usual_requests(service, instance, at_secs))
        .sum()
}

/// 0 to 1: grows while the incident lasts, and drains in the same time after it.
pub(super) fn pressure(at_secs: f64) -> f64 {
    let within = (at_secs - EPOCH_SECS).rem_euclid(INCIDENT_PERIOD_SECS) - INCIDENT_START_SECS;
    let share = if within < INCIDENT_SECS {
        within / INCIDENT_SECS
    } else {
        2.0 - within / INCIDENT_SECS
    };
    share.clamp(0.0, 1.0)
}

fn backlog(at_secs: f64, phase: f64) -> f64 {
    (4.0 + 3.0 * wave(at_secs, 600.0, phase) + 240.0 * pressure(at_secs)).round()
}

/// -1 to 1.
pub(super) fn wave(at_secs: f64, period_secs: f64, phase: f64) -> f64 {
    (TAU * (at_secs - EPOCH_SECS) / period_secs + phase).sin()
}

/// 0 to 1, then at once 0 again.
pub(super) fn saw(at_secs: f64, period_secs: f64, phase: f64) -> f64 {
    ((at_secs - EPOCH_SECS) / period_secs + phase / 3.0).rem_euclid(1.0)
}

pub(super) fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_never_fall_and_buckets_are_ordered() {
        let start = 1_795_000_000.0;
        let mut before: Vec<f64> = Vec::new();
        for step in 0..3_000 {
            let at = start + f64::from(step) * 7.3;
            let mut now = Vec::new();
            let mut last_bucket = 0.0;
            for family in families(1, at) {
                for sample in &family.samples {
                    match (family.kind, sample.suffix) {
                        (MetricKind::Histogram, "_bucket") => {
                            if sample.labels.contains(&("le", "0.05")) {
                                last_bucket = 0.0;
                            }
                            assert!(sample.value >= last_bucket, "{at}");
                            last_bucket = sample.value;
                            now.push(sample.value);
                        }
                        (MetricKind::Histogram, "_count") => {
                            assert!((sample.value - last_bucket).abs() < 0.5)
                        }
                        (MetricKind::Counter, _) => now.push(sample.value),
                        _ => {}
                    }
                }
            }
            assert!(
                before.iter().zip(&now).all(|(old, new)| new >= old),
                "a counter fell at {at}"
            );
            before = now;
        }
    }

    #[test]
    fn payment_fails_in_its_incident_only() {
        let begin = EPOCH_SECS + INCIDENT_PERIOD_SECS * 4_000.0 + INCIDENT_START_SECS;
        assert!((incident_secs(begin + 300.0) - incident_secs(begin) - 300.0).abs() < 1e-6);
        assert!((incident_secs(begin) - incident_secs(begin - 3_000.0)).abs() < 1e-6);
        assert!(backlog(begin + INCIDENT_SECS, 0.0) > 200.0);
        assert!(backlog(begin - 60.0, 0.0) < 10.0);
    }
}
