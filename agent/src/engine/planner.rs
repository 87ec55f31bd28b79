//! The next move: another look at the data, or the answer.

use serde_json::{Map, Value, json};

use super::promql::{self, Described, Planned};
use super::question::{self, Ask, Intent};
use super::recipes::{self, Recipe};
use super::window::When;
use super::{Conversation, Done, talk, targets, wording};

#[derive(Debug, PartialEq)]
pub(super) enum Move {
    Call(Vec<Call>),
    Say(String),
}

#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub tool: &'static str,
    pub arguments: Map<String, Value>,
}

/// Decides by the question and by what was found; `offered` are the tools that may be called.
pub(super) fn next_move(conversation: &Conversation<'_>, offered: &[&str]) -> Move {
    let intent = question::read(&conversation.question);
    match &intent {
        Intent::Help => return Move::Say(talk::help()),
        Intent::WhoAreYou => return Move::Say(talk::who_are_you()),
        Intent::Unknown => return Move::Say(talk::not_understood()),
        _ if offered.is_empty() => return Move::Say(talk::no_datasource()),
        _ => {}
    }
    let queried = named(conversation, "query_metrics");
    match intent {
        Intent::Query { promql, when } => {
            if queried.is_empty() {
                let planned = Planned {
                    title: short_title(&promql),
                    query: promql,
                    instant: false,
                };
                return query_calls(offered, &[planned], &when);
            }
            Move::Say(wording::results(&queried, &[]))
        }
        Intent::Targets { only_down } => {
            if queried.is_empty() {
                let (title, query) = if only_down {
                    ("Targets that are down", "up == 0")
                } else {
                    ("Targets", "up")
                };
                let planned = Planned {
                    title: title.to_owned(),
                    query: query.to_owned(),
                    instant: true,
                };
                return query_calls(offered, &[planned], &When::default());
            }
            Move::Say(targets::states(&queried, only_down))
        }
        Intent::List { keywords } => match named(conversation, "search_metrics").last() {
            None => search(offered, &keywords.join(" ")),
            Some(done) => Move::Say(talk::list(done.value())),
        },
        Intent::Show(ask) => show(conversation, &ask, &queried, offered),
        Intent::Help | Intent::WhoAreYou | Intent::Unknown => Move::Say(talk::not_understood()),
    }
}

fn show(
    conversation: &Conversation<'_>,
    ask: &Ask,
    queried: &[&Done<'_>],
    offered: &[&str],
) -> Move {
    let recipe = recipes::find(ask);
    let described = named(conversation, "describe_metric");
    let searched = named(conversation, "search_metrics");
    let last = described.last();
    if !queried.is_empty() {
        let notes = last
            .and_then(|done| read_description(done.value()))
            .map(|metric| notes(ask, &metric, recipe.as_ref()));
        let mut notes = notes.unwrap_or_default();
        notes.extend(
            searched
                .last()
                .and_then(|done| talk::also_fitting(done.value(), last.map(|d| d.value()))),
        );
        return Move::Say(wording::results(queried, &notes));
    }
    if let Some(failed) = conversation.done.iter().find(|done| done.result.is_error) {
        return Move::Say(talk::failed(failed.value()));
    }
    if let Some(done) = last {
        if let Some(metric) = read_description(done.value()) {
            let (by, _) = resolve_labels(ask, &metric);
            let planned = match recipe.filter(|recipe| recipe.metric == metric.name) {
                Some(recipe) => recipe.plan(ask, &by),
                None if has_error_word(ask) && !counts_errors(&metric.name) => {
                    vec![
                        promql::error_share(&metric, ask, &by)
                            .unwrap_or_else(|| promql::plan(&metric, ask, &by)),
                    ]
                }
                None => vec![promql::plan(&metric, ask, &by)],
            };
            return query_calls(offered, &planned, &ask.when);
        }
        // A recipe's metric that is not there: look for another one by the same words.
        return match searched.last() {
            None if recipe.is_some() => search(offered, &ask.keywords.join(" ")),
            _ => Move::Say(talk::no_such_metric(done.value())),
        };
    }
    if let Some(done) = searched.last() {
        let best = done.value().pointer("/hits/0/name").and_then(Value::as_str);
        if has_error_word(ask)
            && searched.len() == 1
            && !best.is_some_and(|best| is_error_metric_for(ask, best))
        {
            return search(offered, REQUESTS);
        }
        return match best {
            Some(best) => describe(offered, ask, best),
            None => Move::Say(talk::nothing_fits(done.value())),
        };
    }
    if let Some(recipe) = recipe {
        return describe(offered, ask, recipe.metric);
    }
    if let Some(metric) = &ask.metric {
        return describe(offered, ask, metric);
    }
    if !ask.keywords.is_empty() {
        return search(offered, &ask.keywords.join(" "));
    }
    match &conversation.earlier_metric {
        Some(metric) => describe(offered, ask, metric),
        None => Move::Say(talk::not_understood()),
    }
}

fn named<'c, 'a>(conversation: &'c Conversation<'a>, tool: &str) -> Vec<&'c Done<'a>> {
    conversation
        .done
        .iter()
        .filter(|done| done.name == tool)
        .collect()
}

fn search(offered: &[&str], keywords: &str) -> Move {
    let why = if keywords.is_empty() {
        "Count the metrics".to_owned()
    } else {
        format!("Find metrics for {keywords}")
    };
    call(
        offered,
        "search_metrics",
        json!({"description": why, "keywords": keywords}),
    )
}

/// Failures of requests are usually a label of their counter, not a metric of their own.
const REQUESTS: &str = "http requests total";

fn has_error_word(ask: &Ask) -> bool {
    ask.metric.is_none() && ask.keywords.iter().any(|word| is_error_word(word))
}

/// Whether a metric counts the errors of what the question is about, and not just some errors.
fn is_error_metric_for(ask: &Ask, metric: &str) -> bool {
    let mut subject = ask
        .keywords
        .iter()
        .filter(|word| !is_error_word(word))
        .peekable();
    subject.peek().is_some()
        && counts_errors(metric)
        && subject.all(|word| metric.to_lowercase().contains(word.as_str()))
}

fn is_error_word(word: &str) -> bool {
    matches!(
        word,
        "error" | "errors" | "failed" | "failures" | "failing" | "5xx"
    )
}

fn counts_errors(metric: &str) -> bool {
    ["err", "fail", "drop", "reject", "timeout"]
        .iter()
        .any(|part| metric.to_lowercase().contains(part))
}

fn describe(offered: &[&str], ask: &Ask, metric: &str) -> Move {
    if !offered.contains(&"describe_metric") {
        // Its type cannot be looked up; its name still says something.
        let metric = Described {
            name: metric.to_owned(),
            ..Described::default()
        };
        return query_calls(offered, &[promql::plan(&metric, ask, &ask.by)], &ask.when);
    }
    call(
        offered,
        "describe_metric",
        json!({"description": format!("Labels and type of {metric}"), "metric": metric}),
    )
}

fn query_calls(offered: &[&str], planned: &[Planned], when: &When) -> Move {
    if !offered.contains(&"query_metrics") {
        return Move::Say(talk::tool_missing("query_metrics"));
    }
    let calls = planned.iter().map(|planned| {
        let mut arguments = Map::new();
        arguments.insert("description".to_owned(), Value::from(planned.title.clone()));
        arguments.insert("query".to_owned(), Value::from(planned.query.clone()));
        if planned.instant {
            arguments.insert("mode".to_owned(), Value::from("instant"));
        }
        when.put_into(&mut arguments);
        Call {
            tool: "query_metrics",
            arguments,
        }
    });
    Move::Call(calls.collect())
}

fn call(offered: &[&str], tool: &'static str, arguments: Value) -> Move {
    match arguments {
        Value::Object(arguments) if offered.contains(&tool) => {
            Move::Call(vec![Call { tool, arguments }])
        }
        _ => Move::Say(talk::tool_missing(tool)),
    }
}

/// `None` where the metric was not found.
fn read_description(value: &Value) -> Option<Described> {
    if value.get("found").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let labels = value.get("labels").and_then(Value::as_object);
    let examples = |(label, facts): (&String, &Value)| -> Vec<(String, String)> {
        let examples = facts.get("examples").and_then(Value::as_array);
        examples
            .into_iter()
            .flatten()
            .filter_map(|v| Some((label.clone(), v.as_str()?.to_owned())))
            .collect()
    };
    Some(Described {
        name: text("/family/name"),
        metric_type: text("/family/type"),
        parts: value
            .pointer("/family/parts")
            .and_then(Value::as_array)
            .map(|parts| {
                parts
                    .iter()
                    .filter_map(|part| part.as_str().map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default(),
        series: value.get("series").and_then(Value::as_u64).unwrap_or(0),
        labels: labels
            .map(|labels| {
                labels
                    .iter()
                    .map(|(label, facts)| {
                        (
                            label.clone(),
                            facts.get("count").and_then(Value::as_u64).unwrap_or(0),
                        )
                    })
                    .collect()
            })
            .unwrap_or_default(),
        values: labels
            .map(|labels| labels.iter().flat_map(examples).collect())
            .unwrap_or_default(),
    })
}

/// The labels that are meant by the words after "by", and the words that no label fits.
fn resolve_labels(ask: &Ask, metric: &Described) -> (Vec<String>, Vec<String>) {
    // "top 3 instances by x": what stands before the name of the metric is a label too.
    let words = ask.by.iter().chain(
        ask.keywords
            .iter()
            .filter(|_| ask.metric.is_some() && ask.top.or(ask.bottom).is_some()),
    );
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for word in words {
        match promql::label_for(word, metric) {
            Some(label) if !found.contains(&label) => found.push(label),
            Some(_) => {}
            None if ask.by.contains(word) => missing.push(word.clone()),
            None => {}
        }
    }
    (found, missing)
}

fn notes(ask: &Ask, metric: &Described, recipe: Option<&Recipe>) -> Vec<String> {
    let (_, missing) = resolve_labels(ask, metric);
    let mut notes = Vec::new();
    if !missing.is_empty() {
        notes.push(talk::no_such_label(&missing, metric));
    }
    for (label, _) in ask
        .filters
        .iter()
        .filter(|(label, _)| !metric.labels.iter().any(|(known, _)| known == label))
    {
        notes.push(talk::no_such_label(std::slice::from_ref(label), metric));
    }
    if recipe.is_some_and(|recipe| recipe.metric != metric.name) {
        notes.push(format!(
            "There is no node_exporter metric for this here, so the nearest one, `{}`, was taken.",
            metric.name
        ));
    }
    notes
}

fn short_title(promql: &str) -> String {
    crate::neutral::line(promql, 80)
}
