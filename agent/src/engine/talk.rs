//! What the engine says beside results: what it is, what it can do, and what could not be found.

use std::fmt::Write as _;

use serde_json::Value;

use super::Conversation;
use super::promql::Described;
use super::text::{code, plain};

const NOT_AN_LLM: &str = "This is PersAI's built-in engine, not an LLM: it reads a question by its words and answers from your metrics.";

pub(super) fn help() -> String {
    format!(
        "{NOT_AN_LLM}\n\n\
         It can show a metric the right way for its type, group and rank it, and look at any window:\n\n\
         - CPU usage per mode over the last 30 minutes\n\
         - memory, disk, network or load of your hosts\n\
         - top 5 handlers by http_requests_total\n\
         - p99 request latency by job since 14:00\n\
         - what is down?\n\n\
         | command | does |\n| --- | --- |\n\
         | `/query <promql>` | runs a query as it is |\n\
         | `/metric <name>` | shows one metric |\n\
         | `/help` | shows this |\n"
    )
}

pub(super) fn who_are_you() -> String {
    format!(
        "{NOT_AN_LLM} The operator of this Perses can connect one. Type `/help` to see what it can do."
    )
}

pub(super) fn not_understood() -> String {
    format!(
        "The question names nothing that could be looked up. {NOT_AN_LLM}\n\n\
         Name a metric or a subject, for example *memory usage by instance over the last hour*, or type `/help`."
    )
}

pub(super) fn no_datasource() -> String {
    "There is no Prometheus datasource that could be asked, or its allowed endpoints let nothing through. Choose another \
     datasource above the question, or ask its owner."
        .to_owned()
}

pub(super) fn tool_missing(tool: &str) -> String {
    format!(
        "This needs `{tool}`, which the datasource's allowed endpoints do not let through. Its owner can allow it."
    )
}

pub(super) fn out_of_rounds(conversation: &Conversation<'_>) -> String {
    let looked_at = conversation.done.len();
    format!(
        "The budget of this turn ended before the answer was found; {looked_at} calls were made. Ask for one metric by its name."
    )
}

pub(super) fn failed(value: &Value) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = text("message");
    let message = if message.is_empty() {
        "The call failed."
    } else {
        message
    };
    match text("hint") {
        "" => message.to_owned(),
        hint => format!("{message} {hint}"),
    }
}

pub(super) fn no_such_metric(value: &Value) -> String {
    let metric = value
        .get("metric")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let near = names(value.get("near"));
    if near.is_empty() {
        format!(
            "There is no metric {} in this window, and none with a name near to it.",
            code(metric)
        )
    } else {
        format!(
            "There is no metric {} in this window. Near it: {}.",
            code(metric),
            near.join(", ")
        )
    }
}

pub(super) fn nothing_fits(value: &Value) -> String {
    let keywords = value
        .get("keywords")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let all = value.get("all").and_then(Value::as_u64).unwrap_or(0);
    format!(
        "No metric of this datasource fits {}; {all} metrics have data in this window. {NOT_AN_LLM} \
         Other words or a part of a metric's name may find it, or type `/help`.",
        code(keywords)
    )
}

/// The metrics that a search found, with what they are.
pub(super) fn list(search: &Value) -> String {
    let hits = search
        .get("hits")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let keywords = search
        .get("keywords")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let number = |key: &str| search.get(key).and_then(Value::as_u64).unwrap_or(0);
    if search.get("code").is_some() {
        return failed(search);
    }
    if hits.is_empty() && keywords.is_empty() {
        return format!(
            "{} metrics have data in this window. Name a subject to find some of them, for example *memory*.",
            number("all")
        );
    }
    if hits.is_empty() {
        return nothing_fits(search);
    }
    let total = number("total");
    let mut out = match hits.len() as u64 {
        shown if shown < total => format!(
            "{total} metrics fit {}; the best {shown} are:\n\n",
            code(keywords)
        ),
        1 => format!("One metric fits {}:\n\n", code(keywords)),
        _ => format!("{total} metrics fit {}:\n\n", code(keywords)),
    };
    out.push_str("| metric | type | description |\n| --- | --- | --- |\n");
    for hit in hits {
        let text = |key: &str| hit.get(key).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            code(text("name")),
            text("type"),
            plain(text("help"))
        );
    }
    out.push_str("\nType `/metric` and a name to see one of them.");
    out
}

pub(super) fn no_such_label(missing: &[String], metric: &Described) -> String {
    let mut labels: Vec<String> = metric
        .labels
        .iter()
        .take(8)
        .map(|(label, _)| code(label))
        .collect();
    labels.sort();
    let has = if labels.is_empty() {
        "no labels".to_owned()
    } else {
        labels.join(", ")
    };
    format!(
        "{} has no label {}; it has {has}.",
        code(&metric.name),
        missing
            .iter()
            .map(|m| code(m))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// The metrics that the search found beside the one that was taken.
pub(super) fn also_fitting(search: &Value, described: Option<&Value>) -> Option<String> {
    let taken = described
        .and_then(|value| value.pointer("/family/name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let hits = search
        .get("hits")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let score = |hit: &Value| hit.get("score").and_then(Value::as_f64).unwrap_or(0.0);
    let best = hits.first().map_or(0.0, score);
    let others: Vec<String> = hits
        .iter()
        .filter(|hit| score(hit) >= best * 0.6)
        .filter_map(|hit| hit.get("name").and_then(Value::as_str))
        .filter(|name| *name != taken)
        .take(3)
        .map(code)
        .collect();
    (!others.is_empty()).then(|| format!("Other metrics that fit: {}.", others.join(", ")))
}

fn names(hits: Option<&Value>) -> Vec<String> {
    let hits = hits.and_then(Value::as_array);
    hits.into_iter()
        .flatten()
        .filter_map(|hit| hit.get("name").and_then(Value::as_str))
        .map(code)
        .collect()
}
