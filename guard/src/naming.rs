//! What a metric's name says: Prometheus' naming rules, read backwards.

use persai_protocol::evidence::MetricType;

use crate::unit::{Dimension, MetricFacts, PLAIN};

/// The type that a metric's name says it has, by Prometheus' naming rules.
#[must_use]
pub fn type_by_name(name: &str) -> Option<MetricType> {
    let ends = |suffix: &str| name.ends_with(suffix);
    if ends("_bucket") {
        Some(MetricType::Histogram)
    } else if ends("_total") || ends("_sum") || ends("_count") {
        Some(MetricType::Counter)
    } else if name == "up" || ends("_info") || ends("_bytes") || ends("_ratio") || ends("_celsius")
    {
        Some(MetricType::Gauge)
    } else {
        None
    }
}

/// Units that Perses 0.52 does not have; "plain number" would hide them.
const FOREIGN_UNITS: [&str; 7] = [
    "_celsius", "_volts", "_amperes", "_joules", "_hertz", "_grams", "_meters",
];

pub(crate) fn of_metric(name: &str, facts: &MetricFacts) -> Option<Dimension> {
    if name.ends_with("_count") || name.ends_with("_bucket") {
        return Some(Dimension {
            things: 1,
            word: word(name),
            ..PLAIN
        });
    }
    let base = name.strip_suffix("_total").unwrap_or(name);
    let base = base.strip_suffix("_sum").unwrap_or(base);
    if ["_timestamp_seconds", "_time_seconds"]
        .iter()
        .any(|s| base.ends_with(s))
        && !name.ends_with("_total")
    {
        // node_boot_time_seconds, process_start_time_seconds, push_time_seconds.
        return Some(Dimension {
            seconds: 1,
            instant: true,
            ..PLAIN
        });
    }
    if let Some(found) = by_unit_word(facts.unit.as_deref()).or_else(|| by_suffix(base)) {
        return Some(found);
    }
    let has_other_unit = facts.unit.as_deref().is_some_and(|unit| !unit.is_empty());
    if has_other_unit || FOREIGN_UNITS.iter().any(|unit| base.ends_with(unit)) {
        return None;
    }
    let counter = facts.metric_type == Some(MetricType::Counter) || name.ends_with("_total");
    if counter {
        return Some(Dimension {
            things: 1,
            word: word(name),
            ..PLAIN
        });
    }
    // A gauge without a unit in its name: a number of something, where we know that it is a gauge.
    (facts.metric_type.or_else(|| type_by_name(name)) == Some(MetricType::Gauge)).then_some(PLAIN)
}

pub(crate) fn by_unit_word(unit: Option<&str>) -> Option<Dimension> {
    match unit? {
        "seconds" => Some(Dimension {
            seconds: 1,
            ..PLAIN
        }),
        "milliseconds" => Some(Dimension {
            seconds: 1,
            scale: 1_000.0,
            ..PLAIN
        }),
        "bytes" => Some(Dimension { bytes: 1, ..PLAIN }),
        "ratio" => Some(Dimension {
            share: true,
            ..PLAIN
        }),
        "percent" => Some(Dimension {
            share: true,
            scale: 100.0,
            ..PLAIN
        }),
        _ => None,
    }
}

pub(crate) fn by_suffix(name: &str) -> Option<Dimension> {
    let last = name.rsplit(['_', ':']).next()?;
    match last {
        "ms" => by_unit_word(Some("milliseconds")),
        _ => by_unit_word(Some(last)),
    }
}

fn word(name: &str) -> &'static str {
    const WORDS: [(&str, &str); 14] = [
        ("request", "requests"),
        ("packet", "packets"),
        ("message", "messages"),
        ("event", "events"),
        ("reads", "reads"),
        ("writes", "writes"),
        ("record", "records"),
        ("rows", "rows"),
        ("operation", "operations"),
        ("ops", "operations"),
        ("http", "requests"),
        ("grpc", "requests"),
        ("rpc", "requests"),
        ("quer", "requests"),
    ];
    WORDS
        .iter()
        .find(|(part, _)| name.contains(part))
        .map_or("", |(_, word)| word)
}
