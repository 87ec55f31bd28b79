//! The engine's answers, in markdown. Every number comes from a tool's digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use persai_protocol::evidence::QueryMode;
use serde::Deserialize;
use serde_json::Value;

use super::figures::figure;
use super::promql::Described;
use super::{Conversation, Done};
use crate::digest::{Digest, Finite};
use crate::local_time;
use crate::template;

/// Rows of a table; the chart has all series.
const MAX_ROWS: usize = 8;
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
    let others: Vec<String> = names(search.get("hits"))
        .into_iter()
        .filter(|name| *name != code(taken))
        .take(3)
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

/// What `query_metrics` told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    query: String,
    mode: QueryMode,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    utc_offset_minutes: i32,
    unit: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    digest: Digest,
    empty: Option<Empty>,
}

#[derive(Deserialize)]
struct Empty {
    kind: String,
    sentence: String,
    next: Option<String>,
}

impl Found {
    fn time(&self, ms: i64) -> String {
        let day = |ms| {
            local_time::clock(ms, self.utc_offset_minutes, true)
                .get(..10)
                .map(str::to_owned)
        };
        local_time::clock(
            ms,
            self.utc_offset_minutes,
            day(self.start_ms) != day(self.end_ms),
        )
    }

    fn window(&self) -> String {
        format!(
            "from {} to {} (UTC{})",
            self.time(self.start_ms),
            self.time(self.end_ms),
            match self.utc_offset_minutes {
                0 => String::new(),
                minutes => local_time::offset(minutes),
            }
        )
    }

    fn figure(&self, value: f64) -> String {
        figure(value, self.unit.as_deref())
    }
}

/// The answer to one or more queries.
pub(super) fn results(queried: &[&Done<'_>], notes: &[String]) -> String {
    let mut out = String::new();
    for done in queried {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        let title = done
            .arguments
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or("The query");
        match Found::deserialize(done.value()) {
            Ok(found) => out.push_str(&one_result(title, &found)),
            Err(_) => {
                let _ = write!(
                    out,
                    "**{}** could not be read. {}",
                    plain(title),
                    failed(done.value())
                );
            }
        }
    }
    for note in notes {
        let _ = write!(out, "\n\n{note}");
    }
    out
}

fn one_result(title: &str, found: &Found) -> String {
    let mut out = String::new();
    let title = plain(title);
    if let Some(empty) = &found.empty {
        let _ = write!(
            out,
            "**{title}**: no data {}. {}",
            found.window(),
            empty.sentence
        );
        if let Some(next) = &empty.next {
            let _ = write!(out, " {next}");
        }
    } else if let Some(text) = &found.digest.text {
        let _ = write!(out, "**{title}**: {}", code(text));
    } else {
        match found.mode {
            QueryMode::Range => over_a_window(&mut out, &title, found),
            QueryMode::Instant => at_a_moment(&mut out, &title, found),
        }
    }
    if let Some(reason) = &found.reason {
        let _ = write!(out, "\n\n{reason}");
    }
    for warning in found.warnings.iter().take(2) {
        let _ = write!(out, "\n\nThe datasource warns: {}", code(warning));
    }
    out.truncate(out.trim_end().len());
    let step = match found.mode {
        QueryMode::Range => format!(", step {}", template::duration(found.step_ms)),
        QueryMode::Instant => String::new(),
    };
    let _ = write!(out, "\n\nQuery: {}{step}.", query_code(&found.query));
    out
}

/// Rows with finite figures, largest average first.
fn ranked(digest: &Digest) -> Vec<(&BTreeMap<String, String>, Finite)> {
    let mut rows: Vec<(&BTreeMap<String, String>, Finite)> = digest
        .rows
        .iter()
        .filter_map(|row| Some((&row.labels, row.stats.finite?)))
        .collect();
    rows.sort_by(|a, b| b.1.avg.total_cmp(&a.1.avg));
    rows
}

fn over_a_window(out: &mut String, title: &str, found: &Found) {
    let digest = &found.digest;
    let rows = ranked(digest);
    match rows.as_slice() {
        [] => {
            let _ = write!(out, "**{title}** has no finite values {}.", found.window());
        }
        [(_, f)] if digest.total_series == 1 && f.min == f.max => {
            let _ = write!(
                out,
                "**{title}** stayed at {} {}.",
                found.figure(f.last),
                found.window()
            );
        }
        [(_, f)] if digest.total_series == 1 => {
            let _ = write!(
                out,
                "**{title}** was {} on average {}. It peaked at {} at {}, was lowest at {} at {}, and was {} at the end.",
                found.figure(f.avg),
                found.window(),
                found.figure(f.max),
                found.time(f.max_ms),
                found.figure(f.min),
                found.time(f.min_ms),
                found.figure(f.last)
            );
        }
        [(first_labels, first), rest @ ..] => {
            let _ = write!(
                out,
                "**{title}**, {}: {} was highest with {} on average",
                found.window(),
                name(first_labels, digest),
                found.figure(first.avg)
            );
            if let Some((labels, f)) = rest.first() {
                let _ = write!(
                    out,
                    ", then {} with {}",
                    name(labels, digest),
                    found.figure(f.avg)
                );
            }
            let highest = rows.iter().max_by(|a, b| a.1.max.total_cmp(&b.1.max));
            if let Some((labels, f)) = highest {
                let _ = write!(
                    out,
                    ". The highest point was {} at {} ({})",
                    found.figure(f.max),
                    found.time(f.max_ms),
                    name(labels, digest)
                );
            }
            let _ = writeln!(out, ". {} series.\n", digest.total_series);
            let header = if digest.labels.is_empty() {
                "series".to_owned()
            } else {
                digest.labels.join(", ")
            };
            let _ = writeln!(
                out,
                "| {header} | average | peak | at | last |\n| --- | ---: | ---: | --- | ---: |"
            );
            for (labels, f) in rows.iter().take(MAX_ROWS) {
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} | {} |",
                    name(labels, digest),
                    found.figure(f.avg),
                    found.figure(f.max),
                    found.time(f.max_ms),
                    found.figure(f.last)
                );
            }
        }
    }
    more_series(out, digest, rows.len());
    // Two steps may be missing at either end without a reason that matters.
    let slack_ms = 2 * found.step_ms;
    if let Some(begin_ms) = rows
        .iter()
        .map(|(_, f)| f.first_ms)
        .min()
        .filter(|ms| *ms > found.start_ms + slack_ms)
    {
        let _ = write!(out, "\n\nThere is no data before {}.", found.time(begin_ms));
    }
    if let Some(last_ms) = rows
        .iter()
        .map(|(_, f)| f.last_ms)
        .max()
        .filter(|ms| *ms < found.end_ms - slack_ms)
    {
        let _ = write!(out, "\n\nThere is no data after {}.", found.time(last_ms));
    }
    let broken = digest
        .rows
        .iter()
        .filter(|row| row.stats.gaps > 0 || row.stats.nan > 0)
        .count();
    if broken > 0 {
        let _ = write!(
            out,
            "\n\nIn {broken} of the series points are missing or are not numbers."
        );
    }
}

fn at_a_moment(out: &mut String, title: &str, found: &Found) {
    let digest = &found.digest;
    let rows = ranked(digest);
    let time = found.time(found.end_ms);
    match rows.as_slice() {
        [] => {
            let _ = write!(out, "**{title}** has no finite values at {time}.");
        }
        [(labels, f)] => {
            let of = if labels.is_empty() && digest.common_labels.is_empty() {
                String::new()
            } else {
                format!(
                    " ({})",
                    name(
                        if labels.is_empty() {
                            &digest.common_labels
                        } else {
                            labels
                        },
                        digest
                    )
                )
            };
            let _ = write!(out, "**{title}**: {} at {time}{of}.", found.figure(f.last));
        }
        [(labels, f), ..] => {
            let _ = writeln!(
                out,
                "**{title}** at {time}: {} is highest with {}. {} series.\n",
                name(labels, digest),
                found.figure(f.last),
                digest.total_series
            );
            let header = if digest.labels.is_empty() {
                "series".to_owned()
            } else {
                digest.labels.join(", ")
            };
            let _ = writeln!(out, "| {header} | value |\n| --- | ---: |");
            for (labels, f) in rows.iter().take(MAX_ROWS) {
                let _ = writeln!(
                    out,
                    "| {} | {} |",
                    name(labels, digest),
                    found.figure(f.last)
                );
            }
        }
    }
    more_series(out, digest, rows.len());
}

fn more_series(out: &mut String, digest: &Digest, rows: usize) {
    let shown = rows.min(MAX_ROWS) as u64;
    if rows > 1 && digest.total_series > shown {
        let _ = write!(
            out,
            "\n{} more series are in the chart.",
            digest.total_series - shown
        );
    }
}

/// What the targets' `up` says.
pub(super) fn targets(queried: &[&Done<'_>], only_down: bool) -> String {
    let Some(done) = queried.last() else {
        return not_understood();
    };
    let Ok(found) = Found::deserialize(done.value()) else {
        return failed(done.value());
    };
    let time = found.time(found.end_ms);
    if let Some(empty) = &found.empty {
        return if empty.kind == "conditionNotMet" {
            format!(
                "No target is down: at {time} every target that Prometheus scrapes had `up` = 1."
            )
        } else {
            format!(
                "{} Without `up` it cannot be said what is down.",
                empty.sentence
            )
        };
    }
    let digest = &found.digest;
    let mut down: Vec<String> = Vec::new();
    let mut up: Vec<String> = Vec::new();
    for row in &digest.rows {
        let labels = if row.labels.is_empty() {
            &digest.common_labels
        } else {
            &row.labels
        };
        let is_up = row.stats.finite.is_some_and(|f| f.last != 0.0);
        if is_up { &mut up } else { &mut down }.push(name(labels, digest));
    }
    let mut out = String::new();
    let more = digest.total_series - digest.rows.len() as u64;
    if only_down {
        let verb = if digest.total_series == 1 {
            "target is"
        } else {
            "targets are"
        };
        let _ = writeln!(out, "**{} {verb} down** at {time}:\n", digest.total_series);
    } else {
        let _ = write!(out, "{} targets at {time}", digest.total_series);
        match (down.len(), more) {
            (0, 0) => out.push_str("; all of them are up.\n\n"),
            (0, _) => out.push_str(".\n\n"),
            (n, _) => {
                let _ = write!(out, "; at least {n} of them down.\n\n");
            }
        }
    }
    let rows = down
        .iter()
        .map(|target| (target, "down"))
        .chain(up.iter().map(|target| (target, "up")));
    out.push_str("| target | state |\n| --- | --- |\n");
    for (target, state) in rows {
        let _ = writeln!(out, "| {target} | {state} |");
    }
    if more > 0 {
        let _ = writeln!(out, "\n{more} more are in the panel.");
    }
    let _ = write!(out, "\nQuery: {}.", query_code(&found.query));
    out
}

/// The values of a series' labels, most telling first.
fn name(labels: &BTreeMap<String, String>, digest: &Digest) -> String {
    let mut values: Vec<String> = digest
        .labels
        .iter()
        .filter_map(|label| labels.get(label))
        .filter(|v| !v.is_empty())
        .map(|v| code(v))
        .collect();
    if values.is_empty() {
        values = labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(_, v)| code(v))
            .collect();
    }
    if values.is_empty() {
        "the series".to_owned()
    } else {
        values.join(", ")
    }
}

/// Text from outside as code: nothing in it is markdown, and it breaks no table.
fn code(text: &str) -> String {
    let text = crate::neutral::line(text, 300)
        .replace('`', "'")
        .replace('|', "\\|");
    if text.trim().is_empty() {
        "(empty)".to_owned()
    } else {
        format!("`{text}`")
    }
}

/// A query as code; it stands in no table, so its bars stay as they are.
fn query_code(query: &str) -> String {
    let query = crate::neutral::line(query, 600);
    if query.contains('`') {
        format!("`` {query} ``")
    } else {
        format!("`{query}`")
    }
}

/// A title in bold: our own words, or a query, so nothing in it may be markdown.
fn plain(text: &str) -> String {
    crate::neutral::line(text, 120)
        .chars()
        .map(|c| {
            if matches!(
                c,
                '*' | '`' | '[' | ']' | '<' | '>' | '!' | '|' | '\\' | '_'
            ) {
                format!("\\{c}")
            } else {
                c.to_string()
            }
        })
        .collect()
}
