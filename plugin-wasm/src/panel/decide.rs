//! The table: which panel kinds fit a result, best first, and whether its series add up.

use std::ops::RangeInclusive;

use persai_protocol::evidence::{MetricType, QueryMode, ResultKind};

use super::source::PanelSource;

pub const TIME_SERIES: &str = "TimeSeriesChart";
pub const STAT: &str = "StatChart";

/// Results of more series than this are unreadable and slow as a chart; the digest is shown.
const MOST_LINES: u64 = 500;
/// Most single values side by side.
const MOST_VALUES: u64 = 12;

/// One row: where mode, result and number of series fit and the metric's type is none of `not`, these kinds fit.
struct Row {
    mode: QueryMode,
    result: ResultKind,
    series: RangeInclusive<u64>,
    not: &'static [MetricType],
    kinds: &'static [&'static str],
}

/// First fitting row wins. A result that no row fits (nothing found, text, too many values) has no panel.
const TABLE: [Row; 5] = [
    // The last value of a raw counter, bucket or quantile source says nothing by itself.
    Row {
        mode: QueryMode::Range,
        result: ResultKind::Matrix,
        series: 1..=MOST_VALUES,
        not: &[MetricType::Histogram, MetricType::Summary],
        kinds: &[TIME_SERIES, STAT],
    },
    Row {
        mode: QueryMode::Range,
        result: ResultKind::Matrix,
        series: 1..=MOST_LINES,
        not: &[],
        kinds: &[TIME_SERIES],
    },
    Row {
        mode: QueryMode::Range,
        result: ResultKind::Scalar,
        series: 0..=1,
        not: &[],
        kinds: &[TIME_SERIES, STAT],
    },
    Row {
        mode: QueryMode::Instant,
        result: ResultKind::Vector,
        series: 1..=MOST_VALUES,
        not: &[],
        kinds: &[STAT],
    },
    Row {
        mode: QueryMode::Instant,
        result: ResultKind::Scalar,
        series: 0..=1,
        not: &[],
        kinds: &[STAT],
    },
];

/// The kinds that fit `source` and that this Perses has, best first.
#[must_use]
pub fn kinds(source: &PanelSource, available: &[String]) -> Vec<&'static str> {
    // A foreign agent's unknown number is taken for a few.
    let series = source.series.unwrap_or(2);
    let metric = source.metric_type.unwrap_or(MetricType::Unknown);
    TABLE
        .iter()
        .find(|row| {
            row.mode == source.mode
                && row.result == source.result
                && row.series.contains(&series)
                && !row.not.contains(&metric)
        })
        .map(|row| {
            row.kinds
                .iter()
                .copied()
                .filter(|kind| available.iter().any(|have| have == kind))
                .collect()
        })
        .unwrap_or_default()
}

/// Whether the series are parts of one whole, so that stacking them shows their sum. Only where it is clear: a plain
/// `sum by (…)` over a counter's rate. Shares, quantiles and gauges never are.
#[must_use]
pub fn is_additive(source: &PanelSource) -> bool {
    source.mode == QueryMode::Range
        && source.metric_type == Some(MetricType::Counter)
        && source
            .series
            .is_some_and(|series| (2..=MOST_VALUES).contains(&series))
        && source
            .unit
            .as_deref()
            .is_some_and(|unit| unit.ends_with("/sec"))
        && is_plain_sum_by(&source.query_template)
}

/// `sum by (a) (…)`, `sum(…) by (a)` and nothing around it: no division, no comparison.
fn is_plain_sum_by(query: &str) -> bool {
    let Some(rest) = query.trim().strip_prefix("sum") else {
        return false;
    };
    let (mut grouped, mut bodies, mut rest) = (false, 0, rest.trim_start());
    while !rest.is_empty() {
        if let Some(after) = rest
            .strip_prefix("by")
            .or_else(|| rest.strip_prefix("without"))
        {
            let Some(after) = skip_parentheses(after.trim_start()) else {
                return false;
            };
            if std::mem::replace(&mut grouped, true) {
                return false;
            }
            rest = after.trim_start();
        } else if let Some(after) = skip_parentheses(rest) {
            bodies += 1;
            rest = after.trim_start();
        } else {
            return false;
        }
    }
    grouped && bodies == 1
}

/// What follows the parenthesised part that `text` begins with. Strings inside may hold parentheses.
fn skip_parentheses(text: &str) -> Option<&str> {
    if !text.starts_with('(') {
        return None;
    }
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(q), '\\') if q != '`' => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return text.get(at + 1..);
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::footer::tests::source;

    fn all() -> Vec<String> {
        vec![TIME_SERIES.to_owned(), STAT.to_owned()]
    }

    #[test]
    fn the_table_row_by_row() {
        use MetricType::{Counter, Gauge, Histogram};
        use QueryMode::{Instant, Range};
        use ResultKind::{Matrix, Scalar, String, Vector};
        let cases: [(QueryMode, ResultKind, u64, MetricType, &[&str]); 13] = [
            (Range, Matrix, 0, Gauge, &[]),
            (Range, Matrix, 1, Gauge, &[TIME_SERIES, STAT]),
            (Range, Matrix, 12, Counter, &[TIME_SERIES, STAT]),
            (Range, Matrix, 13, Gauge, &[TIME_SERIES]),
            (Range, Matrix, 3, Histogram, &[TIME_SERIES]),
            (Range, Matrix, 500, Gauge, &[TIME_SERIES]),
            (Range, Matrix, 501, Gauge, &[]),
            (Range, Scalar, 1, Gauge, &[TIME_SERIES, STAT]),
            (Instant, Vector, 1, Gauge, &[STAT]),
            (Instant, Vector, 13, Gauge, &[]),
            (Instant, Scalar, 1, Gauge, &[STAT]),
            (Instant, String, 1, Gauge, &[]),
            (Instant, Matrix, 1, Gauge, &[]),
        ];
        for (mode, result, series, metric, expected) in cases {
            let mut source = source();
            (
                source.mode,
                source.result,
                source.series,
                source.metric_type,
            ) = (mode, result, Some(series), Some(metric));
            assert_eq!(
                kinds(&source, &all()),
                expected,
                "{mode:?} {result:?} {series} {metric:?}"
            );
        }
    }

    #[test]
    fn only_kinds_that_this_perses_has() {
        assert_eq!(kinds(&source(), &[STAT.to_owned()]), [STAT]);
        assert!(kinds(&source(), &[]).is_empty());
    }

    #[test]
    fn stacks_only_what_is_clearly_additive() {
        let additive = |query: &str, unit: &str, metric| {
            let mut source = source();
            source.query_template = query.to_owned();
            source.unit = Some(unit.to_owned());
            source.metric_type = Some(metric);
            is_additive(&source)
        };
        let rate = "sum by (code) (rate(http_requests_total{path=~\"/(a|b)\"}[5m]))";
        assert!(additive(rate, "requests/sec", MetricType::Counter));
        assert!(additive(
            "sum(rate(x_total[5m])) by (a, b)",
            "bytes/sec",
            MetricType::Counter
        ));
        assert!(!additive(rate, "percent-decimal", MetricType::Counter));
        assert!(!additive(rate, "requests/sec", MetricType::Gauge));
        for query in [
            "sum by (a) (rate(x[5m])) / sum(rate(y[5m]))",
            "sum by (a) (rate(x[5m])) > 5",
            "sum(rate(x[5m]))",
            "rate(x[5m])",
            "max by (a) (rate(x[5m]))",
            "sum by (a) (rate(x[5m])",
            "sum_total by (a) (x)",
            "sum by (a) by (b) (x)",
        ] {
            assert!(
                !additive(query, "requests/sec", MetricType::Counter),
                "{query}"
            );
        }
    }
}
