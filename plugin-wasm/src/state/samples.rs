//! Events as the relay writes them, for the tests.

use serde_json::{Value, json};

pub(super) const AT: i64 = 1_795_532_400_000;

pub(super) fn custom(name: &str, mut value: Value) -> Value {
    value["v"] = json!(1);
    json!({"type": "CUSTOM", "name": format!("persai.{name}"), "value": value})
}

pub(super) fn started(run: &str) -> Value {
    json!({"type": "RUN_STARTED", "threadId": "c", "runId": run, "timestamp": AT})
}

pub(super) fn finished(run: &str) -> Value {
    json!({"type": "RUN_FINISHED", "threadId": "c", "runId": run, "outcome": {"type": "success"}})
}

pub(super) fn turn(message: &str, question: &str) -> Value {
    custom(
        "turn",
        json!({"messageId": message, "question": question, "model": "builtin", "atMs": AT,
        "datasources": [{"kind": "PrometheusDatasource", "name": "prom"}],
        "timeRange": {"startMs": AT - 3_600_000, "endMs": AT}, "utcOffsetMinutes": 0}),
    )
}

pub(super) fn text(message: &str, delta: &str) -> Value {
    json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": delta})
}

pub(super) fn text_start(message: &str) -> Value {
    json!({"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"})
}

pub(super) fn text_end(message: &str) -> Value {
    json!({"type": "TEXT_MESSAGE_END", "messageId": message})
}

pub(super) fn call(id: &str, name: &str, arguments: &[&str]) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "TOOL_CALL_START", "toolCallId": id, "toolCallName": name, "parentMessageId": "p"}),
    ];
    events.extend(
        arguments
            .iter()
            .map(|d| json!({"type": "TOOL_CALL_ARGS", "toolCallId": id, "delta": d})),
    );
    events.push(json!({"type": "TOOL_CALL_END", "toolCallId": id}));
    events
}

pub(super) fn evidence(id: &str) -> Value {
    custom(
        "evidence",
        json!({"toolCallId": id, "title": "CPU by mode", "query": "sum by (mode) (rate(x[1m]))",
        "queryTemplate": "sum by (mode) (rate(x[$__rate_interval]))",
        "datasource": {"kind": "PrometheusDatasource", "name": "prom"}, "mode": "range",
        "startMs": AT - 3_600_000, "endMs": AT, "stepMs": 15_000, "resultKind": "matrix", "series": 2,
        "labels": ["mode"], "metricType": "counter", "unit": "decimal", "resultSha256": "00",
        "verdict": {"decision": "allow"}, "durationMs": 40}),
    )
}

pub(super) fn outcome(id: &str, ok: bool) -> Value {
    custom(
        "toolOutcome",
        json!({"toolCallId": id, "ok": ok, "durationMs": 41, "summary": "2 series"}),
    )
}

pub(super) fn result(id: &str) -> Value {
    json!({"type": "TOOL_CALL_RESULT", "messageId": format!("res-{id}"), "toolCallId": id, "content": "the digest",
        "role": "tool"})
}
