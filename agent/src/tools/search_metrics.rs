//! `search_metrics`: words to metric names.

use std::fmt::Write as _;

use persai_protocol::evidence::MetricType;
use serde_json::{Map, Value, json};

use super::catalog::Family;
use super::turn::Turn;
use super::{Answer, Failure, arguments, provenance};
use crate::message::ToolDefinition;
use crate::neutral;

const USUAL_LIMIT: usize = 10;
const MAX_LIMIT: usize = 30;

#[must_use]
pub fn definition() -> ToolDefinition {
    ToolDefinition {
        name: "search_metrics".to_owned(),
        description: "Find metrics by words: name, type, unit, help. Start here when you do not know a metric's exact name. \
                      Tolerates synonyms and typing mistakes."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "description": {"type": "string", "description": "why, in a few words"},
                "keywords": {"type": "string", "description": "e.g. cpu usage, or a part of a name"},
                "limit": {"type": "integer", "description": "1 to 30, default 10"}
            },
            "required": ["description", "keywords"],
            "additionalProperties": false
        }),
    }
}

pub(super) async fn run(turn: &Turn, args: &Map<String, Value>) -> Result<Answer, Failure> {
    let selector = turn.selector(args)?;
    let keywords = arguments::text(args, "keywords").unwrap_or_default();
    let limit = args
        .get("limit")
        .and_then(Value::as_u64)
        .map_or(USUAL_LIMIT, |n| (n as usize).clamp(1, MAX_LIMIT));
    let catalog = turn.catalog(selector).await?;
    let hits = catalog.search(keywords);
    let total = hits.len();
    let shown: Vec<&Family> = hits.iter().take(limit).map(|hit| hit.family).collect();

    let mut content = provenance("search_metrics", selector);
    if shown.is_empty() {
        let _ = writeln!(
            content,
            "No metric fits {}. {} metrics have data in this window.\nNext: try other or fewer words, or a part of a name.",
            neutral::quoted(keywords, 80),
            catalog.len()
        );
    } else {
        let _ = writeln!(
            content,
            "{} of {total} fitting metrics ({} in all), best first:",
            shown.len(),
            catalog.len()
        );
        for family in &shown {
            content.push_str(&describe_line(family));
        }
    }
    if let Some(note) = &catalog.note {
        let _ = writeln!(content, "Note: {note}");
    }
    let structured = json!({
        "tool": "search_metrics",
        "keywords": keywords,
        "total": total,
        "all": catalog.len(),
        "hits": hits
            .iter()
            .take(limit)
            .map(|hit| {
                let mut value = family_value(hit.family);
                value["score"] = json!(hit.score);
                value
            })
            .collect::<Vec<_>>(),
    });
    let summary = match total {
        0 => "No metric fits.".to_owned(),
        1 => "1 metric.".to_owned(),
        _ if total > shown.len() => format!("{} of {total} metrics.", shown.len()),
        _ => format!("{total} metrics."),
    };
    Ok(Answer {
        content,
        structured: Some(structured),
        code: None,
        summary,
        evidence: None,
        raw: None,
    })
}

fn describe_line(family: &Family) -> String {
    let mut line = format!(
        "- {} ({})",
        neutral::line(&family.name, 120),
        type_name(family.metric_type)
    );
    if !family.unit.is_empty() {
        let _ = write!(line, ", unit {}", neutral::line(&family.unit, 30));
    }
    if !family.parts.is_empty() {
        let _ = write!(
            line,
            ", series {}",
            neutral::line(&family.parts.join(", "), 200)
        );
    }
    if !family.help.is_empty() {
        let _ = write!(line, ": {}", neutral::quoted(&family.help, 140));
    }
    line.push('\n');
    line
}

pub(super) fn family_value(family: &Family) -> Value {
    json!({
        "name": family.name,
        "type": type_name(family.metric_type),
        "help": neutral::line(&family.help, 200),
        "unit": family.unit,
        "parts": family.parts,
    })
}

#[must_use]
pub fn type_name(metric_type: Option<MetricType>) -> &'static str {
    match metric_type {
        Some(MetricType::Counter) => "counter",
        Some(MetricType::Gauge) => "gauge",
        Some(MetricType::Histogram) => "histogram",
        Some(MetricType::Summary) => "summary",
        Some(MetricType::Unknown) | None => "type unknown",
    }
}
