//! Prometheus' JSON answers. The samples, which are nearly all of the bytes, are read without copying their texts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use persai_protocol::evidence::{MetricType, ResultKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub type Labels<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Result of a query, instant or range.
#[derive(Debug)]
pub struct QueryResult<'a> {
    pub kind: ResultKind,
    pub series: Vec<Series<'a>>,
    /// For the kind `String`.
    pub text: Option<String>,
    /// Warnings and infos of the datasource.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub struct Series<'a> {
    pub labels: Labels<'a>,
    /// Seconds and value, oldest first; one for an instant query.
    pub samples: Vec<(f64, f64)>,
    /// Samples were native histograms; the values are their sums.
    pub native_histogram: bool,
}

impl QueryResult<'_> {
    #[must_use]
    pub fn sample_count(&self) -> u64 {
        self.series
            .iter()
            .map(|series| series.samples.len() as u64)
            .sum()
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct RawSeries<'a> {
    #[serde(borrow, default)]
    metric: Labels<'a>,
    #[serde(borrow, default)]
    value: Option<(f64, &'a str)>,
    #[serde(borrow, default)]
    values: Vec<(f64, &'a str)>,
    #[serde(borrow, default)]
    histogram: Option<(f64, RawHistogram<'a>)>,
    #[serde(borrow, default)]
    histograms: Vec<(f64, RawHistogram<'a>)>,
}

#[derive(Deserialize)]
struct RawHistogram<'a> {
    #[serde(borrow)]
    sum: &'a str,
}

/// Reads the body of `/query` or `/query_range`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn query_result(body: &[u8]) -> Result<QueryResult<'_>, String> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut warnings = body.warnings;
    warnings.extend(body.infos);
    let raw = body.data.result.get();
    let (kind, series, text) = match body.data.result_type.as_str() {
        "matrix" => (ResultKind::Matrix, read_series(raw)?, None),
        "vector" => (ResultKind::Vector, read_series(raw)?, None),
        "scalar" => {
            let (at, value): (f64, &str) =
                serde_json::from_str(raw).map_err(|error| error.to_string())?;
            let series = Series {
                labels: Labels::new(),
                samples: vec![(at, number(value))],
                native_histogram: false,
            };
            (ResultKind::Scalar, vec![series], None)
        }
        "string" => {
            let (_, text): (f64, String) =
                serde_json::from_str(raw).map_err(|error| error.to_string())?;
            (ResultKind::String, Vec::new(), Some(text))
        }
        other => {
            return Err(format!(
                "unknown result type {}",
                crate::neutral::quoted(other, 40)
            ));
        }
    };
    Ok(QueryResult {
        kind,
        series,
        text,
        warnings,
    })
}

fn read_series(raw: &str) -> Result<Vec<Series<'_>>, String> {
    let read: Vec<RawSeries<'_>> = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    Ok(read
        .into_iter()
        .map(|raw| {
            let native_histogram = raw.values.is_empty() && raw.value.is_none();
            let samples = if native_histogram {
                raw.histograms
                    .iter()
                    .chain(&raw.histogram)
                    .map(|(at, h)| (*at, number(h.sum)))
                    .collect()
            } else {
                raw.values
                    .iter()
                    .chain(&raw.value)
                    .map(|(at, value)| (*at, number(value)))
                    .collect()
            };
            Series {
                labels: raw.metric,
                samples,
                native_histogram,
            }
        })
        .collect())
}

/// Prometheus' number texts: also `NaN`, `+Inf`, `-Inf`. Anything else counts as NaN, not as zero.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[derive(Deserialize)]
struct Plain<T> {
    data: T,
}

fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice::<Plain<T>>(body)
        .map(|plain| plain.data)
        .map_err(|error| error.to_string())
}

/// Reads the body of `/labels` or `/label/<name>/values`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn names(body: &[u8]) -> Result<Vec<String>, String> {
    data(body)
}

/// Reads the body of `/series`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn series_labels(body: &[u8]) -> Result<Vec<BTreeMap<String, String>>, String> {
    data(body)
}

/// What `/metadata` says of a metric family. Where targets disagree, the first word counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub metric_type: Option<MetricType>,
    pub help: String,
    pub unit: String,
}

#[derive(Deserialize)]
struct RawMetadata {
    #[serde(rename = "type", default)]
    metric_type: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    unit: String,
}

/// Reads the body of `/metadata`, by family name.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn metadata(body: &[u8]) -> Result<HashMap<String, Metadata>, String> {
    let raw: HashMap<String, Vec<RawMetadata>> = data(body)?;
    Ok(raw
        .into_iter()
        .filter_map(|(name, entries)| {
            let first = entries.into_iter().next()?;
            let metric_type = match first.metric_type.as_str() {
                "counter" => Some(MetricType::Counter),
                "gauge" => Some(MetricType::Gauge),
                "histogram" | "gaugehistogram" => Some(MetricType::Histogram),
                "summary" => Some(MetricType::Summary),
                _ => None,
            };
            Some((
                name,
                Metadata {
                    metric_type,
                    help: first.help,
                    unit: first.unit,
                },
            ))
        })
        .collect())
}
