//! Evidence: the exact question that was put to a datasource, and what is known of the answer.
//!
//! The panel is drawn from it, the reader checks by it, an export is made of it. Sent before the `TOOL_CALL_RESULT`
//! that it belongs to.

use serde::{Deserialize, Serialize};

/// Names a Perses datasource by scope and name, never by path or URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasourceSelector {
    /// Perses' plugin kind, e.g. `PrometheusDatasource`.
    pub kind: String,
    /// By Perses' own rule `^[a-zA-Z0-9_.-]+$`, at most 75 characters, no `..`.
    pub name: String,
    /// Set for a project's datasource; absent: a global one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub project: Option<String>,
}

/// Whether `name` may name a datasource or project. Perses: `pkg/model/api/v1/metadata.go`, `ValidateID`.
#[must_use]
pub fn is_valid_resource_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 75
        && !name.contains("..")
        && name != "."
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum QueryMode {
    Range,
    Instant,
}

/// Prometheus' result types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ResultKind {
    Matrix,
    Vector,
    Scalar,
    String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    Allow,
    Narrow,
    Ask,
    Deny,
}

/// What the guard said of a query, with a sentence that a person understands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub decision: Decision,
    /// Absent where the decision is a plain `allow`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub reason: Option<String>,
}

/// The value of `persai.evidence`, version 1.
///
/// A pinned panel with `startMs`, `endMs` and `stepMs` asks the datasource for exactly what the model read:
/// start and end are already aligned as Perses' Prometheus plugin aligns them, so its own alignment changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub v: u32,
    pub tool_call_id: String,
    /// A short human title: the caller's own description of why, else one made from the query.
    pub title: String,
    /// Expanded, as it was run; draws the pinned panel.
    pub query: String,
    /// Keeps `$__rate_interval` and the like; used when unpinned or exported.
    pub query_template: String,
    pub datasource: DatasourceSelector,
    pub mode: QueryMode,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub start_ms: i64,
    /// For an instant query the time of evaluation.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub end_ms: i64,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub step_ms: i64,
    pub result_kind: ResultKind,
    /// Number of series or vector elements in the answer.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub series: u64,
    /// Names of the labels in which the series differ, most telling first; the legend is made of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub labels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub metric_type: Option<MetricType>,
    /// A unit of Perses' `format.unit` list (`perses-facts` §3.5), of the query's result, e.g. `bytes/sec`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub unit: Option<String>,
    /// Of the raw answer as it is kept in the log; absent where it was too large to keep.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub result_sha256: Option<String>,
    pub verdict: Verdict,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub duration_ms: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::is_valid_resource_name;

    #[test]
    fn resource_names_follow_perses_rule() {
        for good in ["prom", "prom-eu_1.a", &"a".repeat(75)] {
            assert!(is_valid_resource_name(good), "{good}");
        }
        for bad in [
            "",
            "a/b",
            "..",
            "a..b",
            "a@b",
            "a%2fb",
            "prömetheus",
            ".",
            &"a".repeat(76),
        ] {
            assert!(!is_valid_resource_name(bad), "{bad}");
        }
    }
}
