//! Perses variables in queries, expanded as the Perses UI does it: by plain text, `$name` and `${name}`, longest name
//! first, several values as a regular expression's alternatives.

use std::collections::BTreeMap;

/// What the built-in variables stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIns {
    pub step_ms: i64,
    /// Lower bound of the step: the datasource's scrape interval.
    pub min_step_ms: i64,
    pub start_ms: i64,
    pub end_ms: i64,
}

/// Longest expanded query, in bytes. Values may name other variables, so a few short ones can stand for any length.
pub const MAX_EXPANDED_BYTES: usize = 64 << 10;

/// The query with everything that is known put in. Unknown names stay as they are; the datasource says so. `None` where
/// it would be longer than [`MAX_EXPANDED_BYTES`].
#[must_use]
pub fn expand(
    query: &str,
    built_ins: BuiltIns,
    variables: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    let BuiltIns {
        step_ms,
        min_step_ms,
        start_ms,
        end_ms,
    } = built_ins;
    let rate_ms = (step_ms + min_step_ms).max(4 * min_step_ms);
    let range_ms = end_ms - start_ms;
    let mut values: Vec<(&str, String)> = vec![
        ("__interval_ms", step_ms.to_string()),
        ("__interval", duration(step_ms)),
        ("__rate_interval", duration(rate_ms)),
        ("__range_ms", range_ms.to_string()),
        ("__range_s", (range_ms / 1000).to_string()),
        ("__range", duration(range_ms)),
        ("__from", start_ms.to_string()),
        ("__to", end_ms.to_string()),
    ];
    for (name, chosen) in variables {
        let value = match chosen.as_slice() {
            [] => continue,
            [one] => one.clone(),
            several => format!("({})", several.join("|")),
        };
        values.push((name, value));
    }
    // A name may be the beginning of another one: $__range and $__range_ms.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut text = query.to_owned();
    for (name, value) in &values {
        if !text.contains('$') {
            break;
        }
        text = replace(&text, &format!("${name}"), value)?;
        text = replace(&text, &format!("${{{name}}}"), value)?;
    }
    Some(text)
}

/// Measures before it writes.
fn replace(text: &str, name: &str, value: &str) -> Option<String> {
    let count = text.matches(name).count();
    let length =
        (text.len() - count * name.len()).saturating_add(count.saturating_mul(value.len()));
    (length <= MAX_EXPANDED_BYTES).then(|| text.replace(name, value))
}

/// A duration as Prometheus reads it and Perses writes it: `15s`, `1m30s`, `1h`, `1d12h`.
#[must_use]
pub fn duration(ms: i64) -> String {
    const UNITS: [(i64, &str); 7] = [
        (31_536_000_000, "y"),
        (604_800_000, "w"),
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let mut rest = ms.max(0);
    let mut text = String::new();
    for (size, unit) in UNITS {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(query: &str) -> String {
        let variables = BTreeMap::from([
            ("job".to_owned(), vec!["api".to_owned()]),
            (
                "instance".to_owned(),
                vec!["a:1".to_owned(), "b:2".to_owned()],
            ),
            ("empty".to_owned(), vec![]),
        ]);
        let built_ins = BuiltIns {
            step_ms: 15_000,
            min_step_ms: 15_000,
            start_ms: 1_000_000,
            end_ms: 1_000_000 + 5_400_000,
        };
        expand(query, built_ins, &variables).unwrap_or_default()
    }

    #[test]
    fn built_ins_and_variables_are_put_in() {
        for (query, result) in [
            ("rate(x[$__rate_interval])", "rate(x[1m])"),
            ("rate(x[${__rate_interval}])", "rate(x[1m])"),
            ("x[$__interval] $__interval_ms", "x[15s] 15000"),
            (
                "x[$__range] $__range_s $__range_ms",
                "x[1h30m] 5400 5400000",
            ),
            (
                "x{job=\"$job\", instance=~\"${instance}\"}",
                "x{job=\"api\", instance=~\"(a:1|b:2)\"}",
            ),
            ("$__from $__to", "1000000 6400000"),
            ("$unknown ${empty} up", "$unknown ${empty} up"),
        ] {
            assert_eq!(expanded(query), result, "{query}");
        }
    }

    #[test]
    fn the_rate_interval_is_four_scrapes_or_a_step_and_one() {
        let at = |step_ms, min_step_ms| {
            expand(
                "$__rate_interval",
                BuiltIns {
                    step_ms,
                    min_step_ms,
                    start_ms: 0,
                    end_ms: 0,
                },
                &BTreeMap::new(),
            )
            .unwrap_or_default()
        };
        assert_eq!(at(60_000, 60_000), "4m");
        assert_eq!(at(15_000, 15_000), "1m");
        assert_eq!(at(3_600_000, 15_000), "1h15s");
        assert_eq!(at(90_000, 15_000), "1m45s");
    }

    #[test]
    fn durations_are_written_as_perses_writes_them() {
        for (ms, text) in [
            (15_000, "15s"),
            (3_600_000, "1h"),
            (90_000, "1m30s"),
            (129_600_000, "1d12h"),
            (1_500, "1s500ms"),
            (0, "0s"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }
}
