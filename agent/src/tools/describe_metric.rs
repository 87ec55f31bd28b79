//! `describe_metric`: type, help, unit and labels of one metric, with example values and how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::{DatasourceSelector, MetricType};
use serde_json::{Map, Value, json};

use super::turn::Turn;
use super::{Answer, Failure, arguments, malformed, provenance, search_metrics};
use crate::message::ToolDefinition;
use crate::neutral;
use crate::ports::{PromCall, PromEndpoint};
use crate::prom;

/// Above this many series their label sets are not fetched; labels are counted by queries instead.
const MAX_SERIES: u64 = 3_000;
const MAX_LABELS: usize = 12;
const MAX_VALUES: usize = 8;

#[must_use]
pub fn definition() -> ToolDefinition {
    ToolDefinition {
        name: "describe_metric".to_owned(),
        description: "Type, help, unit, number of series, and labels with example values of one metric. Use it before you \
                      filter or group by a label."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "description": {"type": "string", "description": "why, in a few words"},
                "metric": {"type": "string", "description": "exact name"}
            },
            "required": ["description", "metric"],
            "additionalProperties": false
        }),
    }
}

/// What was found of a metric's labels.
#[derive(Default)]
struct Labels {
    series: Option<u64>,
    /// Value examples and the number of different values, by label.
    values: BTreeMap<String, (u64, Vec<String>)>,
    note: Option<String>,
}

pub(super) async fn run(turn: &Turn, args: &Map<String, Value>) -> Result<Answer, Failure> {
    let selector = turn.selector(args)?;
    let wanted = arguments::text(args, "metric").unwrap_or_default();
    if wanted.is_empty()
        || !wanted
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-'))
    {
        return Err(Failure::new(
            ErrorCode::ArgumentsInvalid,
            format!("{} is not a metric name.", neutral::quoted(wanted, 80)),
            "Give a name alone, without braces or functions; find it with search_metrics.",
        ));
    }
    let catalog = turn.catalog(selector).await?;
    let Some(family) = catalog.family(wanted) else {
        let near: Vec<Value> = catalog
            .search(wanted)
            .iter()
            .take(5)
            .map(|hit| search_metrics::family_value(hit.family))
            .collect();
        let names: Vec<&str> = near.iter().filter_map(|hit| hit["name"].as_str()).collect();
        let nearest = if names.is_empty() {
            String::new()
        } else {
            format!(" Near it: {}.", names.join(", "))
        };
        return Ok(Answer {
            content: format!(
                "{}There is no metric {} in this window.{nearest}\nNext: use search_metrics, or ask for another window.",
                provenance("describe_metric", selector),
                neutral::quoted(wanted, 80)
            ),
            structured: Some(
                json!({"tool": "describe_metric", "found": false, "metric": wanted, "near": near}),
            ),
            code: None,
            summary: format!("There is no metric {}.", neutral::quoted(wanted, 80)),
            evidence: None,
            raw: None,
        });
    };
    // A histogram's own name has no series (unless it is a native one): its labels are those of its parts.
    let series_name = if catalog.has(&family.name) {
        family.name.clone()
    } else {
        family
            .parts
            .iter()
            .find(|part| part.ends_with("_count"))
            .or(family.parts.first())
            .cloned()
            .unwrap_or_default()
    };
    let labels = labels_of(turn, selector, &series_name).await?;
    if let Some(series) = labels.series {
        turn.note_series(selector, &series_name, series);
    }

    let mut content = provenance("describe_metric", selector);
    let _ = write!(
        content,
        "{}: {}",
        family.name,
        search_metrics::type_name(family.metric_type)
    );
    if !family.unit.is_empty() {
        let _ = write!(content, ", unit {}", neutral::line(&family.unit, 30));
    }
    if let Some(series) = labels.series {
        let _ = write!(content, ", {series} series");
    }
    content.push('\n');
    if !family.help.is_empty() {
        let _ = writeln!(content, "help: {}", neutral::quoted(&family.help, 300));
    }
    if !family.parts.is_empty() {
        let _ = writeln!(
            content,
            "series names: {}",
            neutral::line(&family.parts.join(", "), 300)
        );
    }
    let mut shown: Vec<(&String, &(u64, Vec<String>))> = labels.values.iter().collect();
    shown.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(b.0)));
    for (label, (count, examples)) in shown.iter().take(MAX_LABELS) {
        let examples: Vec<String> = examples
            .iter()
            .map(|value| neutral::quoted(value, 60))
            .collect();
        let more = if *count as usize > examples.len() {
            ", …"
        } else {
            ""
        };
        let _ = writeln!(
            content,
            "label {}: {count} values: {}{more}",
            neutral::line(label, 60),
            examples.join(", ")
        );
    }
    let advice = match family.metric_type {
        Some(MetricType::Counter) => "A counter: use rate(…[$__rate_interval]) or increase.",
        Some(MetricType::Histogram) if family.parts.is_empty() => {
            "A native histogram: histogram_quantile(0.9, sum(rate(…[$__rate_interval])))."
        }
        Some(MetricType::Histogram) => {
            "A histogram: histogram_quantile(0.9, sum by (le) (rate(…_bucket[$__rate_interval])))."
        }
        Some(MetricType::Gauge) => "A gauge: use it as it is.",
        _ => "",
    };
    if !advice.is_empty() {
        let _ = writeln!(content, "{advice}");
    }
    for note in labels.note.iter().chain(&catalog.note) {
        let _ = writeln!(content, "Note: {note}");
    }
    let structured = json!({
        "tool": "describe_metric",
        "found": true,
        "metric": wanted,
        "family": search_metrics::family_value(family),
        "series": labels.series,
        "labels": labels.values.iter().map(|(label, (count, examples))| (label.clone(), json!({"count": count, "examples": examples}))).collect::<Map<_, _>>(),
    });
    let summary = format!(
        "{}, {}{}.",
        search_metrics::type_name(family.metric_type),
        labels.series.map_or_else(
            || "series not counted".to_owned(),
            |n| format!("{n} series")
        ),
        if labels.values.is_empty() {
            String::new()
        } else {
            format!(", {} labels", labels.values.len())
        }
    );
    Ok(Answer {
        content,
        structured: Some(structured),
        code: None,
        summary,
        evidence: None,
        raw: None,
    })
}

async fn labels_of(
    turn: &Turn,
    selector: &DatasourceSelector,
    name: &str,
) -> Result<Labels, Failure> {
    let (start_secs, end_secs) = turn.window_secs();
    let matcher = format!("{{__name__={}}}", serde_json::Value::from(name));
    let can_query = turn.allows(selector, PromEndpoint::Query).await;
    let series = if can_query {
        Some(count(turn, selector, &format!("count({matcher})"), end_secs).await?)
    } else {
        None
    };
    if turn.allows(selector, PromEndpoint::Series).await && series.is_none_or(|n| n <= MAX_SERIES) {
        let call = PromCall::Series {
            matches: vec![matcher.clone()],
            start_secs,
            end_secs,
            limit: Some(MAX_SERIES),
        };
        let answer = turn.call(selector, call).await?;
        let sets =
            prom::series_labels(&answer.body).map_err(|detail| malformed(selector, detail))?;
        return Ok(from_sets(&sets));
    }
    let mut labels = Labels {
        series,
        ..Labels::default()
    };
    if !can_query || !turn.allows(selector, PromEndpoint::Labels).await {
        labels.note =
            Some("The datasource's allowed endpoints do not let labels be listed.".to_owned());
        return Ok(labels);
    }
    let call = PromCall::Labels {
        matches: vec![matcher.clone()],
        start_secs,
        end_secs,
    };
    let answer = turn.call(selector, call).await?;
    let names = prom::names(&answer.body).map_err(|detail| malformed(selector, detail))?;
    for label in names
        .into_iter()
        .filter(|label| label != "__name__" && is_plain_label(label))
        .take(MAX_LABELS)
    {
        let distinct = count(
            turn,
            selector,
            &format!("count(count by ({label}) ({matcher}))"),
            end_secs,
        )
        .await?;
        labels.values.insert(label, (distinct, Vec::new()));
    }
    labels.note = Some(
        "Too many series to list; labels were counted by queries, without example values."
            .to_owned(),
    );
    Ok(labels)
}

fn from_sets(sets: &[BTreeMap<String, String>]) -> Labels {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (label, value) in sets
        .iter()
        .flatten()
        .filter(|(label, _)| *label != "__name__")
    {
        values.entry(label).or_default().insert(value);
    }
    Labels {
        series: Some(sets.len() as u64),
        values: values
            .into_iter()
            .map(|(label, distinct)| {
                let examples = distinct
                    .iter()
                    .take(MAX_VALUES)
                    .map(|value| (*value).to_owned())
                    .collect();
                (label.to_owned(), (distinct.len() as u64, examples))
            })
            .collect(),
        note: None,
    }
}

fn is_plain_label(label: &str) -> bool {
    label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The value of a query that gives one number; none is 0.
async fn count(
    turn: &Turn,
    selector: &DatasourceSelector,
    query: &str,
    time_secs: f64,
) -> Result<u64, Failure> {
    let call = PromCall::Query {
        query: query.to_owned(),
        time_secs: time_secs.floor(),
    };
    let answer = turn.call(selector, call).await?;
    let result = prom::query_result(&answer.body).map_err(|detail| malformed(selector, detail))?;
    Ok(result
        .series
        .first()
        .and_then(|series| series.samples.first())
        .map_or(0, |(_, value)| *value as u64))
}
