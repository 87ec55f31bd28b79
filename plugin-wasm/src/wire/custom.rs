//! Our additions to AG-UI, version 1.

use persai_protocol::custom::{CaughtUp, Custom, Notice, Superseded, ToolOutcome, Turn};
use persai_protocol::evidence::{Decision, Evidence, MetricType, QueryMode, ResultKind, Verdict};
use serde_json::Value;

use super::{Fields, selector, time_range};

const V: u32 = 1;

/// As [`Custom::read`]: a foreign name, a newer version or an unreadable value is [`Custom::Unknown`].
#[must_use]
pub fn read(name: &str, value: &Value) -> Custom {
    if name == "persai.reset" {
        return Custom::Reset;
    }
    if value.count("v") != Some(u64::from(V)) {
        return Custom::Unknown;
    }
    let custom = match name {
        "persai.turn" => turn(value).map(Custom::Turn),
        "persai.evidence" => evidence(value).map(Custom::Evidence),
        "persai.toolOutcome" => tool_outcome(value).map(Custom::ToolOutcome),
        "persai.notice" => notice(value).map(Custom::Notice),
        "persai.superseded" => value.get("messageIds").map(|_| {
            Custom::Superseded(Superseded {
                v: V,
                message_ids: value.texts("messageIds"),
            })
        }),
        "persai.caughtUp" => value
            .count("seq")
            .map(|seq| Custom::CaughtUp(CaughtUp { v: V, seq })),
        _ => None,
    };
    custom.unwrap_or(Custom::Unknown)
}

fn turn(value: &Value) -> Option<Turn> {
    Some(Turn {
        v: V,
        message_id: value.text("messageId")?,
        question: value.text("question")?,
        datasources: value.list("datasources", selector),
        time_range: time_range(value.get("timeRange")?)?,
        utc_offset_minutes: i32::try_from(value.int("utcOffsetMinutes")?).ok()?,
        model: value.text("model")?,
        at_ms: value.int("atMs")?,
    })
}

fn evidence(value: &Value) -> Option<Evidence> {
    Some(Evidence {
        v: V,
        tool_call_id: value.text("toolCallId")?,
        title: value.text("title")?,
        query: value.text("query")?,
        query_template: value.text("queryTemplate")?,
        datasource: selector(value.get("datasource")?)?,
        mode: match value.get("mode")?.as_str()? {
            "range" => QueryMode::Range,
            "instant" => QueryMode::Instant,
            _ => return None,
        },
        start_ms: value.int("startMs")?,
        end_ms: value.int("endMs")?,
        step_ms: value.int("stepMs")?,
        result_kind: match value.get("resultKind")?.as_str()? {
            "matrix" => ResultKind::Matrix,
            "vector" => ResultKind::Vector,
            "scalar" => ResultKind::Scalar,
            "string" => ResultKind::String,
            _ => return None,
        },
        series: value.count("series")?,
        labels: value.texts("labels"),
        metric_type: value.get("metricType").and_then(metric_type),
        unit: value.text("unit"),
        result_sha256: value.text("resultSha256"),
        verdict: verdict(value.get("verdict")?)?,
        duration_ms: value.count("durationMs")?,
        warnings: value.texts("warnings"),
    })
}

fn metric_type(value: &Value) -> Option<MetricType> {
    Some(match value.as_str()? {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "summary" => MetricType::Summary,
        _ => MetricType::Unknown,
    })
}

fn verdict(value: &Value) -> Option<Verdict> {
    let decision = match value.get("decision")?.as_str()? {
        "allow" => Decision::Allow,
        "narrow" => Decision::Narrow,
        "ask" => Decision::Ask,
        "deny" => Decision::Deny,
        _ => return None,
    };
    Some(Verdict {
        decision,
        reason: value.text("reason"),
    })
}

fn tool_outcome(value: &Value) -> Option<ToolOutcome> {
    Some(ToolOutcome {
        v: V,
        tool_call_id: value.text("toolCallId")?,
        ok: value.flag("ok")?,
        duration_ms: value.count("durationMs")?,
        code: value.text("code"),
        summary: value.text("summary")?,
    })
}

fn notice(value: &Value) -> Option<Notice> {
    Some(Notice {
        v: V,
        code: value.text("code")?,
        message: value.text("message")?,
        hint: value.text("hint"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evidence_sample() -> Value {
        json!({"v": 1, "toolCallId": "t", "title": "T", "query": "q", "queryTemplate": "qt",
            "datasource": {"kind": "PrometheusDatasource", "name": "p", "project": "x"}, "mode": "range", "startMs": -1,
            "endMs": 2, "stepMs": 3, "resultKind": "matrix", "series": 2, "labels": ["a", "b"], "metricType": "counter",
            "unit": "bytes", "resultSha256": "0", "verdict": {"decision": "narrow", "reason": "r"}, "durationMs": 4,
            "warnings": ["w"]})
    }

    #[test]
    fn reads_what_the_protocol_reads() {
        let mut samples = vec![
            (
                "turn",
                json!({"v": 1, "messageId": "m", "question": "q", "model": "x", "atMs": 5, "utcOffsetMinutes": -60,
                "datasources": [{"kind": "k", "name": "n"}], "timeRange": {"startMs": 1, "endMs": 2}}),
            ),
            ("evidence", evidence_sample()),
            (
                "toolOutcome",
                json!({"v": 1, "toolCallId": "t", "ok": false, "durationMs": 1, "code": "c", "summary": "s"}),
            ),
            (
                "toolOutcome",
                json!({"v": 1, "toolCallId": "t", "ok": true, "durationMs": 1, "summary": "s"}),
            ),
            (
                "notice",
                json!({"v": 1, "code": "c", "message": "m", "hint": "h"}),
            ),
            ("superseded", json!({"v": 1, "messageIds": ["a", "b"]})),
            ("caughtUp", json!({"v": 1, "seq": 9})),
            ("reset", json!({"v": 1})),
            ("notice", json!({"v": 2, "code": "c", "message": "m"})),
            ("notice", json!({"v": 1, "code": "c"})),
            ("superseded", json!({"v": 1})),
            ("future", json!({"v": 1})),
        ];
        for (field, other) in [
            ("mode", "instant"),
            ("resultKind", "vector"),
            ("resultKind", "scalar"),
            ("resultKind", "string"),
            ("metricType", "gauge"),
            ("metricType", "histogram"),
            ("metricType", "summary"),
            ("metricType", "unknown"),
            ("mode", "other"),
            ("resultKind", "other"),
        ] {
            let mut sample = evidence_sample();
            sample[field] = json!(other);
            samples.push(("evidence", sample));
        }
        for absent in [
            "labels",
            "metricType",
            "unit",
            "resultSha256",
            "warnings",
            "title",
            "verdict",
            "series",
        ] {
            let mut sample = evidence_sample();
            sample.as_object_mut().map(|fields| fields.remove(absent));
            samples.push(("evidence", sample));
        }
        for decision in ["allow", "ask", "deny", "other"] {
            let mut sample = evidence_sample();
            sample["verdict"] = json!({ "decision": decision });
            samples.push(("evidence", sample));
        }
        for (name, sample) in samples {
            let name = format!("persai.{name}");
            assert_eq!(
                read(&name, &sample),
                Custom::read(&name, &sample),
                "{name} {sample}"
            );
        }
    }
}
