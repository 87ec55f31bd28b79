//! Units that every supported Perses knows, and durations in words.

/// Perses' `format.unit` values that 0.52 and every later version have. A unit outside is left out of a panel: 0.52
/// refuses what it does not know.
const UNITS: [&str; 39] = [
    "milliseconds",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "percent",
    "percent-decimal",
    "decimal",
    "bytes",
    "bits/sec",
    "bytes/sec",
    "counts/sec",
    "events/sec",
    "messages/sec",
    "ops/sec",
    "packets/sec",
    "reads/sec",
    "records/sec",
    "requests/sec",
    "rows/sec",
    "writes/sec",
    "aud",
    "cad",
    "chf",
    "cny",
    "eur",
    "gbp",
    "hkd",
    "inr",
    "jpy",
    "krw",
    "nok",
    "nzd",
    "sek",
    "sgd",
    "usd",
];

/// `unit` where every supported Perses can show it.
#[must_use]
pub fn portable(unit: Option<&str>) -> Option<&str> {
    unit.filter(|unit| UNITS.contains(unit))
}

/// Whether Perses may shorten numbers of this unit ("1.2 K").
#[must_use]
pub fn can_shorten(unit: &str) -> bool {
    matches!(unit, "decimal" | "bytes") || unit.ends_with("/sec")
}

/// A duration as Perses and Prometheus write it, in the largest unit that is exact: `15s`, `1h`, `1500ms`.
#[must_use]
pub fn duration(ms: i64) -> String {
    for (unit_ms, unit) in [(3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if ms >= unit_ms && ms % unit_ms == 0 {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}

/// A duration as a reader reads it: `15 s`, `1 h 30 min`, `250 ms`.
#[must_use]
pub fn duration_words(ms: i64) -> String {
    if ms < 1000 {
        return format!("{ms} ms");
    }
    let mut parts = Vec::new();
    let mut rest = ms / 1000;
    for (secs, unit) in [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")] {
        if rest >= secs {
            parts.push(format!("{} {unit}", rest / secs));
            rest %= secs;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_an_older_perses_lacks_are_dropped() {
        assert_eq!(portable(Some("bytes/sec")), Some("bytes/sec"));
        for unit in [
            "nanoseconds",
            "bits",
            "decbytes",
            "celsius",
            "datetime-iso",
            "relative-time",
            "furlongs",
            "",
        ] {
            assert_eq!(portable(Some(unit)), None, "{unit}");
        }
        assert_eq!(portable(None), None);
    }

    #[test]
    fn durations_for_machines_and_for_people() {
        assert_eq!(
            [15_000, 60_000, 90_000, 7_200_000, 1500].map(duration),
            ["15s", "1m", "90s", "2h", "1500ms"]
        );
        assert_eq!(
            [250, 15_000, 5_400_000, 86_400_000].map(duration_words),
            ["250 ms", "15 s", "1 h 30 min", "1 d"]
        );
    }
}
