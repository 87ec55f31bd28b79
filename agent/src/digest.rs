//! What a model is told of a result: its shape, its unit and exact statistics per series, never the raw matrix.
//!
//! The text is a small table (the same figures as JSON cost far more tokens); the same facts as a value are for the
//! built-in engine.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use persai_protocol::evidence::ResultKind;
use serde::{Deserialize, Serialize};

use crate::align::Window;
use crate::local_time;
use crate::neutral;
use crate::prom::{QueryResult, Series};

/// Series that get a row of their own; the rest is summed up as "other".
pub const MAX_ROWS: usize = 12;
/// Characters of the whole text, at most.
pub const MAX_CHARS: usize = 6_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    pub result_kind: ResultKind,
    pub total_series: u64,
    pub total_samples: u64,
    /// Labels that all series have with the same value.
    pub common_labels: BTreeMap<String, String>,
    /// Labels in which they differ, most telling first.
    pub labels: Vec<String>,
    /// The largest by absolute value, largest first.
    pub rows: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other: Option<Other>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    pub native_histogram: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The labels in which it differs from the others.
    pub labels: BTreeMap<String, String>,
    #[serde(flatten)]
    pub stats: Stats,
}

/// Exact figures of one series; minimum, maximum, average, first and last are of its finite samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub count: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finite: Option<Finite>,
    /// Runs of missing points between the first and the last sample, and all missing points of the window.
    pub gaps: u64,
    pub missing: u64,
    pub nan: u64,
    pub infinite: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finite {
    pub first: f64,
    pub first_ms: i64,
    pub last: f64,
    pub last_ms: i64,
    pub min: f64,
    pub min_ms: i64,
    pub max: f64,
    pub max_ms: i64,
    pub avg: f64,
}

/// The series without a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    pub series: u64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Of their last values.
    pub last_sum: f64,
}

/// Statistics of one series on the window's grid; without a window (an instant query) nothing can be missing.
#[must_use]
pub fn stats(samples: &[(f64, f64)], window: Option<&Window>) -> Stats {
    // Within what a date can say, whatever a datasource sends.
    let ms = |secs: f64| (secs * 1000.0).clamp(-8.64e15, 8.64e15).round() as i64;
    let (mut nan, mut infinite, mut finite_count, mut sum) = (0, 0, 0_u64, 0.0);
    let mut finite: Option<Finite> = None;
    for &(at, value) in samples {
        if value.is_nan() {
            nan += 1;
            continue;
        }
        if value.is_infinite() {
            infinite += 1;
            continue;
        }
        let at_ms = ms(at);
        finite_count += 1;
        sum += value;
        let f = finite.get_or_insert(Finite {
            first: value,
            first_ms: at_ms,
            last: value,
            last_ms: at_ms,
            min: value,
            min_ms: at_ms,
            max: value,
            max_ms: at_ms,
            avg: 0.0,
        });
        (f.last, f.last_ms) = (value, at_ms);
        // The first of equals, so that the time is one that can be found again.
        if value < f.min {
            (f.min, f.min_ms) = (value, at_ms);
        }
        if value > f.max {
            (f.max, f.max_ms) = (value, at_ms);
        }
    }
    if let Some(f) = &mut finite {
        f.avg = if sum.is_finite() {
            sum / finite_count as f64
        } else {
            // Less exact, and cannot overflow.
            let share = |&(_, value): &(f64, f64)| value / finite_count as f64;
            samples
                .iter()
                .map(share)
                .filter(|part| part.is_finite())
                .sum()
        };
    }
    let count = samples.len() as u64;
    let (gaps, missing) = window.map_or((0, 0), |window| {
        let step_ms = window.step_secs * 1000;
        let gaps = samples
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if ms(b.0) - ms(a.0) > step_ms))
            .count();
        (gaps as u64, window.points().saturating_sub(count))
    });
    Stats {
        count,
        finite,
        gaps,
        missing,
        nan,
        infinite,
    }
}

/// Digests a result. `by_labels` are the labels that the query itself names, which tell the most.
#[must_use]
pub fn digest(result: &QueryResult<'_>, window: Option<&Window>, by_labels: &[String]) -> Digest {
    let (common_labels, labels) = split_labels(&result.series, by_labels);
    let mut rows: Vec<Row> = result
        .series
        .iter()
        .map(|series| Row {
            labels: series
                .labels
                .iter()
                .filter(|(name, _)| labels.iter().any(|label| label == name.as_ref()))
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            stats: stats(&series.samples, window),
        })
        .collect();
    rows.sort_by(|a, b| {
        magnitude(&b.stats)
            .partial_cmp(&magnitude(&a.stats))
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.labels.cmp(&b.labels))
    });
    let rest = if rows.len() > MAX_ROWS {
        rows.split_off(MAX_ROWS)
    } else {
        Vec::new()
    };
    let other = (!rest.is_empty()).then(|| {
        let finite = || rest.iter().filter_map(|row| row.stats.finite);
        Other {
            series: rest.len() as u64,
            min: finite().map(|f| f.min).reduce(f64::min),
            max: finite().map(|f| f.max).reduce(f64::max),
            // JSON has no infinity.
            last_sum: finite()
                .map(|f| f.last)
                .sum::<f64>()
                .clamp(f64::MIN, f64::MAX),
        }
    });
    Digest {
        result_kind: result.kind,
        total_series: result.series.len() as u64,
        total_samples: result.sample_count(),
        common_labels,
        labels,
        rows,
        other,
        text: result.text.as_deref().map(|text| neutral::line(text, 200)),
        native_histogram: result.series.iter().any(|series| series.native_histogram),
    }
}

fn magnitude(stats: &Stats) -> f64 {
    stats.finite.map_or(-1.0, |f| f.max.abs().max(f.min.abs()))
}

fn split_labels(
    series: &[Series<'_>],
    by_labels: &[String],
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in series.iter().flat_map(|s| s.labels.keys()) {
        values.entry(name).or_default();
    }
    for (name, distinct) in &mut values {
        for s in series {
            distinct.insert(s.labels.get(*name).map_or("", |value| value.as_ref()));
        }
    }
    let common = values
        .iter()
        .filter(|(_, distinct)| distinct.len() == 1)
        .filter_map(|(name, distinct)| Some(((*name).to_owned(), (*distinct.first()?).to_owned())))
        .collect();
    let mut differing: Vec<(&str, usize)> = values
        .iter()
        .filter(|(_, distinct)| distinct.len() > 1)
        .map(|(name, d)| (*name, d.len()))
        .collect();
    let named = |name: &str| {
        by_labels
            .iter()
            .position(|by| by == name)
            .unwrap_or(usize::MAX)
    };
    differing.sort_by(|a, b| {
        named(a.0)
            .cmp(&named(b.0))
            .then(b.1.cmp(&a.1))
            .then(a.0.cmp(b.0))
    });
    (
        common,
        differing
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
    )
}

/// A number in full precision, as short as it can be said.
#[must_use]
pub fn exact(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e15 || value.abs() < 1e-4) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// A number with six significant digits, for averages.
#[must_use]
pub fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return exact(value);
    }
    let digits = (5 - value.abs().log10().floor() as i32).clamp(0, 12);
    exact(
        format!("{value:.*}", digits.unsigned_abs() as usize)
            .parse()
            .unwrap_or(value),
    )
}

/// `{mode="idle"}`, values quoted and made harmless.
#[must_use]
pub fn label_text(labels: &BTreeMap<String, String>, order: &[String]) -> String {
    let mut names: Vec<&String> = labels.keys().collect();
    names.sort_by_key(|name| {
        order
            .iter()
            .position(|known| known == *name)
            .unwrap_or(usize::MAX)
    });
    let inside: Vec<String> = names
        .into_iter()
        .map(|name| {
            let value = labels.get(name).map_or("", String::as_str);
            format!("{}={}", neutral::line(name, 60), neutral::quoted(value, 80))
        })
        .collect();
    neutral::line(&format!("{{{}}}", inside.join(", ")), 240)
}

/// The table for the model. `utc_offset_minutes` is the asker's zone.
#[must_use]
pub fn table(digest: &Digest, window: Option<&Window>, utc_offset_minutes: i32) -> String {
    let mut out = String::new();
    let points = window
        .map(|w| format!(", up to {} points each", w.points()))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "{} series, {} samples{points}.",
        digest.total_series, digest.total_samples
    );
    if let Some(text) = &digest.text {
        let _ = writeln!(out, "text: {}", neutral::quoted(text, 200));
    }
    if digest.native_histogram {
        out.push_str("Samples are native histograms; the figures are their sums.\n");
    }
    if !digest.common_labels.is_empty() && digest.total_series > 1 {
        let _ = writeln!(out, "All have {}", label_text(&digest.common_labels, &[]));
    }
    if digest.rows.is_empty() {
        return out;
    }
    let same_day = window.is_some_and(|w| {
        let day = |secs: i64| {
            local_time::clock(secs * 1000, utc_offset_minutes, true)
                .get(..10)
                .map(str::to_owned)
        };
        day(w.start_secs) == day(w.end_secs)
    });
    let time = |ms: i64| local_time::clock(ms, utc_offset_minutes, !same_day);
    if window.is_some() {
        out.push_str("series | last | avg | min @ time | max @ time | first | points | missing/gaps | NaN | Inf\n");
    } else {
        out.push_str("series | value\n");
    }
    for row in &digest.rows {
        let labels = if digest.total_series == 1 {
            &digest.common_labels
        } else {
            &row.labels
        };
        let name = label_text(labels, &digest.labels);
        let line = row_text(&name, &row.stats, window.is_some(), &time);
        if out.len() + line.len() > MAX_CHARS - 200 {
            out.push_str("(more rows left out: the table is full)\n");
            break;
        }
        out.push_str(&line);
    }
    if let Some(other) = &digest.other {
        let range = match (other.min, other.max) {
            (Some(min), Some(max)) => format!("min {}, max {}", exact(min), exact(max)),
            _ => "no finite values".to_owned(),
        };
        let _ = writeln!(
            out,
            "other ({} series): {range}, sum of last values {}",
            other.series,
            rounded(other.last_sum)
        );
    }
    out
}

fn row_text(name: &str, stats: &Stats, is_range: bool, time: &impl Fn(i64) -> String) -> String {
    let Some(f) = stats.finite else {
        let what = if stats.nan > 0 { "NaN" } else { "Inf" };
        return format!("{name} | only {what} values ({} samples)\n", stats.count);
    };
    if !is_range {
        return format!("{name} | {}\n", exact(f.last));
    }
    format!(
        "{name} | {} | {} | {} @ {} | {} @ {} | {} | {} | {}/{} | {} | {}\n",
        rounded(f.last),
        rounded(f.avg),
        exact(f.min),
        time(f.min_ms),
        exact(f.max),
        time(f.max_ms),
        rounded(f.first),
        stats.count,
        stats.missing,
        stats.gaps,
        stats.nan,
        stats.infinite
    )
}
