//! `query_metrics`: one PromQL query, over a window or at one moment.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use persai_guard::{Measure, MetricFacts, Request, judge, measure};
use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::{Decision, Evidence, QueryMode};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::turn::Turn;
use super::{Answer, Failure, arguments, empty, malformed, provenance};
use crate::align::{self, Window};
use crate::digest::{self, Digest};
use crate::local_time;
use crate::message::ToolDefinition;
use crate::neutral;
use crate::ports::{PromCall, PromEndpoint};
use crate::prom;
use crate::template::{self, BuiltIns};

/// A raw answer larger than this is not kept in the log.
const MAX_KEPT_BYTES: usize = 2 << 20;

#[must_use]
pub fn definition() -> ToolDefinition {
    ToolDefinition {
        name: "query_metrics".to_owned(),
        description: "Run one PromQL query and get statistics per series; the user sees its chart. Default window: the one \
                      the user chose. Times: now, now-30m, today, yesterday, 14:00 (user's zone), RFC 3339, Unix seconds. \
                      Write rate(x[$__rate_interval]). Range for trends, instant for current values and rankings."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "description": {"type": "string", "description": "what it shows, in a few words; becomes the chart's title"},
                "query": {"type": "string", "description": "PromQL; $__rate_interval, $__interval, $__range are expanded"},
                "mode": {"type": "string", "enum": ["range", "instant"], "description": "default range"},
                "start": {"type": "string"},
                "end": {"type": "string"},
                "duration": {"type": "string", "description": "instead of start, e.g. 30m"},
                "step": {"type": "string", "description": "seldom needed, e.g. 1m"}
            },
            "required": ["description", "query"],
            "additionalProperties": false
        }),
    }
}

/// The window that a call asks for, not yet aligned.
fn asked_window(turn: &Turn, args: &Map<String, Value>) -> Result<(i64, i64), Failure> {
    let moment = |name: &str| {
        arguments::text(args, name)
            .map(|text| local_time::moment(text, turn.now_ms, turn.utc_offset_minutes))
            .transpose()
            .map_err(|message| {
                Failure::new(
                    ErrorCode::ArgumentsInvalid,
                    format!("`{name}`: {message}"),
                    "",
                )
            })
    };
    let duration = arguments::text(args, "duration")
        .map(|text| {
            local_time::duration_ms(text).ok_or_else(|| {
                Failure::new(
                    ErrorCode::ArgumentsInvalid,
                    format!(
                        "`duration`: {} is not a duration.",
                        neutral::quoted(text, 40)
                    ),
                    "Write 30m, 2h or 1d.",
                )
            })
        })
        .transpose()?;
    let (start, end) = match (moment("start")?, moment("end")?, duration) {
        (None, None, None) => (turn.time_range.start_ms, turn.time_range.end_ms),
        (Some(start), Some(end), _) => (start, end),
        (Some(start), None, Some(duration)) => (start, start + duration),
        (Some(start), None, None) => (start, turn.now_ms),
        (None, end, Some(duration)) => {
            let end = end.unwrap_or(turn.now_ms);
            (end - duration, end)
        }
        (None, Some(end), None) => (
            end - (turn.time_range.end_ms - turn.time_range.start_ms).max(1_000),
            end,
        ),
    };
    if end <= start {
        return Err(Failure::new(
            ErrorCode::ArgumentsInvalid,
            format!(
                "The window ends ({}) before it starts ({}).",
                local_time::iso(end, turn.utc_offset_minutes),
                local_time::iso(start, turn.utc_offset_minutes)
            ),
            "Check start, end and duration.",
        ));
    }
    Ok((start, end))
}

pub(super) async fn run(turn: &Turn, args: &Map<String, Value>) -> Result<Answer, Failure> {
    let selector = turn.selector(args)?;
    let query_template = arguments::text(args, "query")
        .unwrap_or_default()
        .to_owned();
    let mode = if args.get("mode").and_then(Value::as_str) == Some("instant") {
        QueryMode::Instant
    } else {
        QueryMode::Range
    };
    // Whole seconds, as the plugin takes them; `$__range` then has no milliseconds.
    let whole = |ms: i64| ms.div_euclid(1000) * 1000;
    let (start_ms, end_ms) = asked_window(turn, args)?;
    let is_page_window = (start_ms, end_ms) == (turn.time_range.start_ms, turn.time_range.end_ms);
    let (start_ms, end_ms) = (whole(start_ms), whole(end_ms).max(whole(start_ms) + 1000));
    let info = turn.info(selector).await?;
    let scrape_secs = i64::try_from(info.scrape_interval_secs)
        .unwrap_or(60)
        .max(1);
    let asked_step = arguments::text(args, "step")
        .map(|text| {
            local_time::duration_ms(text)
                .filter(|ms| *ms > 0)
                .ok_or_else(|| {
                    Failure::new(
                        ErrorCode::ArgumentsInvalid,
                        format!("`step`: {} is not a duration.", neutral::quoted(text, 40)),
                        "Write 15s, 1m or 1h, or leave it out.",
                    )
                })
        })
        .transpose()?;
    let suggested_step_ms = match (asked_step, mode) {
        (Some(step_ms), _) => Some(step_ms),
        // One moment: aligned as finely as there is data, so that "now" is not minutes ago.
        (None, QueryMode::Instant) => Some(scrape_secs * 1000),
        // The page's step holds for the page's window; another window takes it only where it still gives a usable chart.
        (None, QueryMode::Range) => turn.suggested_step_ms.filter(|step_ms| {
            *step_ms > 0 && (is_page_window || (end_ms - start_ms) / step_ms >= 10)
        }),
    };
    let min_step_secs = if asked_step.is_some() { 1 } else { scrape_secs };
    let mut window = align::window(
        start_ms,
        end_ms,
        min_step_secs,
        suggested_step_ms,
        turn.utc_offset_minutes,
    );
    let expand = |window: &Window| {
        let built_ins = BuiltIns {
            step_ms: window.step_secs * 1000,
            min_step_ms: scrape_secs * 1000,
            start_ms,
            end_ms,
        };
        template::expand(&query_template, built_ins, &turn.variables).ok_or_else(|| {
            Failure::new(
                ErrorCode::QueryInvalid,
                format!(
                    "With its variables the query is longer than {} KiB.",
                    template::MAX_EXPANDED_BYTES >> 10
                ),
                "Write the values out, or take fewer variables.",
            )
        })
    };
    let mut query = expand(&window)?;

    let known_series = persai_guard::parse(&query).ok().and_then(|tree| {
        tree.metrics()
            .into_iter()
            .filter_map(|metric| turn.known_series(selector, metric))
            .max()
    });
    let is_range = mode == QueryMode::Range;
    let judgement = judge(
        &Request {
            query: &query,
            range_secs: if is_range {
                window.end_secs - window.start_secs
            } else {
                0
            },
            step_secs: if is_range { window.step_secs } else { 0 },
            known_series,
        },
        &turn.guard,
    );
    if judgement.blocked {
        let reason = judgement.verdict.reason.unwrap_or_default();
        return Err(Failure::new(
            ErrorCode::QueryRefused,
            reason,
            "Ask a narrower query.",
        ));
    }
    if let Some(narrowed) = judgement.narrowed {
        window = align::align(
            start_ms.div_euclid(1000),
            end_ms.div_euclid(1000),
            narrowed.step_secs.max(window.step_secs),
            turn.utc_offset_minutes,
        );
        query = expand(&window)?;
    }

    let call = if is_range {
        PromCall::QueryRange {
            query: query.clone(),
            start_secs: window.start_secs as f64,
            end_secs: window.end_secs as f64,
            step_secs: window.step_secs as f64,
        }
    } else {
        PromCall::Query {
            query: query.clone(),
            time_secs: window.end_secs as f64,
        }
    };
    let endpoint = if is_range {
        PromEndpoint::QueryRange
    } else {
        PromEndpoint::Query
    };
    if !info.allowed.contains(&endpoint) {
        let other = if is_range { "instant" } else { "range" };
        let mut refused = super::failure(
            crate::ports::DataError::EndpointNotAllowed { endpoint },
            selector,
        );
        refused.hint = Some(format!("Try the same query with mode {other}."));
        return Err(refused);
    }
    let fetched = turn.call(selector, call).await?;
    let result = prom::query_result(&fetched.body).map_err(|detail| malformed(selector, detail))?;
    turn.samples
        .fetch_add(result.sample_count(), Ordering::Relaxed);

    let by_labels: Vec<String> = judgement
        .tree
        .as_ref()
        .map(|tree| tree.by_labels().to_vec())
        .unwrap_or_default();
    let grid = is_range.then_some(&window);
    let digest = digest::digest(&result, grid, &by_labels);
    let measured = match &judgement.tree {
        Some(tree) => {
            let facts = turn.metric_facts(selector, &tree.metrics()).await;
            measure(tree, &|name: &str| {
                facts
                    .get(name)
                    .cloned()
                    .unwrap_or_else(MetricFacts::default)
            })
        }
        None => Measure::default(),
    };
    let warnings: Vec<String> = result
        .warnings
        .iter()
        .take(5)
        .map(|w| neutral::line(w, 300))
        .collect();
    let cause = if digest.total_samples == 0 && digest.text.is_none() {
        Some(empty::explain(turn, selector, judgement.tree.as_ref()).await)
    } else {
        None
    };
    let kept = fetched.body.len() <= MAX_KEPT_BYTES;
    let sha256 = kept.then(|| hex(&Sha256::digest(&fetched.body)));
    let evidence = Evidence {
        v: 1,
        tool_call_id: String::new(),
        title: title(args, &query_template),
        query,
        query_template,
        datasource: selector.clone(),
        mode,
        start_ms: window.start_secs * 1000,
        end_ms: window.end_secs * 1000,
        step_ms: window.step_secs * 1000,
        result_kind: result.kind,
        series: digest.total_series,
        labels: digest.labels.clone(),
        metric_type: measured.metric_type,
        unit: measured.unit,
        result_sha256: sha256.clone(),
        verdict: judgement.verdict,
        duration_ms: fetched.duration_ms,
        warnings,
    };
    let content = content(turn, &evidence, &digest, grid, cause.as_ref());
    let structured = json!({
        "tool": "query_metrics",
        "query": evidence.query,
        "queryTemplate": evidence.query_template,
        "mode": evidence.mode,
        "startMs": evidence.start_ms,
        "endMs": evidence.end_ms,
        "stepMs": evidence.step_ms,
        "utcOffsetMinutes": turn.utc_offset_minutes,
        "unit": evidence.unit,
        "metricType": evidence.metric_type,
        "reason": evidence.verdict.reason,
        "warnings": evidence.warnings,
        "digest": digest,
        "empty": cause,
    });
    let summary = match (&cause, digest.total_series) {
        (Some(cause), _) => cause.sentence.clone(),
        (None, 1) => format!("1 series, {} samples.", digest.total_samples),
        (None, n) => format!("{n} series, {} samples.", digest.total_samples),
    };
    let raw = sha256.map(|sha256| (sha256, fetched.body));
    Ok(Answer {
        content,
        structured: Some(structured),
        code: None,
        summary,
        evidence: Some(evidence),
        raw,
    })
}

fn content(
    turn: &Turn,
    evidence: &Evidence,
    digest: &Digest,
    grid: Option<&Window>,
    cause: Option<&empty::Cause>,
) -> String {
    let mut out = provenance("query_metrics", &evidence.datasource);
    let _ = writeln!(out, "query: {}", neutral::line(&evidence.query, 1_000));
    let iso = |ms| local_time::iso(ms, turn.utc_offset_minutes);
    match evidence.mode {
        QueryMode::Range => {
            let step = template::duration(evidence.step_ms);
            let _ = writeln!(
                out,
                "window: {} to {}, step {step}",
                iso(evidence.start_ms),
                iso(evidence.end_ms)
            );
        }
        QueryMode::Instant => {
            let _ = writeln!(out, "at: {}", iso(evidence.end_ms));
        }
    }
    if let Some(unit) = &evidence.unit {
        let _ = writeln!(out, "unit: {unit}");
    }
    if let (Decision::Narrow | Decision::Ask | Decision::Deny, Some(reason)) =
        (evidence.verdict.decision, &evidence.verdict.reason)
    {
        let _ = writeln!(out, "guard: {reason}");
    }
    for warning in &evidence.warnings {
        let _ = writeln!(
            out,
            "warning of the datasource: {}",
            neutral::quoted(warning, 300)
        );
    }
    match cause {
        Some(cause) => {
            let _ = writeln!(out, "The result is empty. {}", cause.sentence);
            if let Some(next) = &cause.next {
                let _ = writeln!(out, "Next: {next}");
            }
        }
        None => out.push_str(&digest::table(digest, grid, turn.utc_offset_minutes)),
    }
    out
}

fn title(args: &Map<String, Value>, query: &str) -> String {
    neutral::line(arguments::text(args, "description").unwrap_or(query), 120)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
