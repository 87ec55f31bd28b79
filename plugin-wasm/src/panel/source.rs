//! What a panel is made of.

use persai_protocol::evidence::{
    DatasourceSelector, Decision, Evidence, MetricType, QueryMode, ResultKind,
};

#[derive(Debug, Clone, PartialEq)]
pub struct PanelSource {
    pub title: String,
    /// Expanded, as it was run.
    pub query: String,
    /// As it was written; its shape tells whether the series add up.
    pub query_template: String,
    pub datasource: DatasourceSelector,
    pub mode: QueryMode,
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
    pub result: ResultKind,
    /// Absent where a foreign agent does not tell.
    pub series: Option<u64>,
    pub labels: Vec<String>,
    pub metric_type: Option<MetricType>,
    pub unit: Option<String>,
    /// "allowed", "narrowed", …; absent where no guard has spoken.
    pub verdict: Option<&'static str>,
}

impl PanelSource {
    #[must_use]
    pub fn of_evidence(evidence: &Evidence) -> Self {
        Self {
            title: evidence.title.clone(),
            query: evidence.query.clone(),
            query_template: evidence.query_template.clone(),
            datasource: evidence.datasource.clone(),
            mode: evidence.mode,
            start_ms: evidence.start_ms,
            end_ms: evidence.end_ms,
            step_ms: evidence.step_ms,
            result: evidence.result_kind,
            series: Some(evidence.series),
            labels: evidence.labels.clone(),
            metric_type: evidence.metric_type,
            unit: evidence.unit.clone(),
            verdict: Some(verdict_word(evidence.verdict.decision)),
        }
    }
}

/// What the guard decided, as a reader says it.
#[must_use]
pub fn verdict_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::Narrow => "narrowed",
        Decision::Ask => "asks first",
        Decision::Deny => "refused",
    }
}
