//! AG-UI events.

use persai_protocol::agui::{Event, MessageRole, Outcome};
use serde_json::Value;

use super::{Fields, json};

/// Reads one event of the stream. A type that we don't know is [`Event::Unknown`]; `None` is what can't be read. What the
/// plugin has no use for (token counts, the parts of a snapshot) is left out.
#[must_use]
pub fn read(text: &str) -> Option<Event> {
    if let Some(event) = text_delta(text) {
        return Some(event);
    }
    let mut value = json(text)?;
    let kind = value.get("type")?.as_str()?;
    let message_id = |value: &Value| value.text("messageId");
    let tool_call_id = |value: &Value| value.text("toolCallId");
    Some(match kind {
        "TEXT_MESSAGE_CONTENT" => Event::TextMessageContent {
            message_id: message_id(&value)?,
            delta: value.text("delta")?,
        },
        "TOOL_CALL_ARGS" => Event::ToolCallArgs {
            tool_call_id: tool_call_id(&value)?,
            delta: value.text("delta")?,
        },
        "TEXT_MESSAGE_START" => Event::TextMessageStart {
            message_id: message_id(&value)?,
            role: match value.get("role")?.as_str()? {
                "user" => MessageRole::User,
                "assistant" => MessageRole::Assistant,
                _ => return None,
            },
        },
        "TEXT_MESSAGE_END" => Event::TextMessageEnd {
            message_id: message_id(&value)?,
        },
        "TOOL_CALL_START" => Event::ToolCallStart {
            tool_call_id: tool_call_id(&value)?,
            tool_call_name: value.text("toolCallName")?,
            parent_message_id: value.text("parentMessageId"),
        },
        "TOOL_CALL_END" => Event::ToolCallEnd {
            tool_call_id: tool_call_id(&value)?,
        },
        "TOOL_CALL_RESULT" => Event::ToolCallResult {
            message_id: message_id(&value)?,
            tool_call_id: tool_call_id(&value)?,
            content: value.text("content")?,
            role: None,
        },
        "RUN_STARTED" => Event::RunStarted {
            thread_id: value.text("threadId")?,
            run_id: value.text("runId")?,
            protocol_version: value.text("protocolVersion"),
            parent_run_id: value.text("parentRunId"),
            timestamp: value.int("timestamp"),
        },
        "RUN_FINISHED" => Event::RunFinished {
            thread_id: value.text("threadId")?,
            run_id: value.text("runId")?,
            outcome: value.get("outcome").and_then(outcome),
            usage: Vec::new(),
            timestamp: value.int("timestamp"),
        },
        "RUN_ERROR" => Event::RunError {
            message: value.text("message")?,
            code: value.text("code"),
            timestamp: value.int("timestamp"),
        },
        "CUSTOM" => Event::Custom {
            name: value.text("name")?,
            value: value.get_mut("value").map(Value::take)?,
        },
        _ => Event::Unknown,
    })
}

/// An outcome of a newer AG-UI is none that we know: the run has ended, and that is what counts.
fn outcome(value: &Value) -> Option<Outcome> {
    match value.get("type")?.as_str()? {
        "success" => Some(Outcome::Success),
        "cancelled" => Some(Outcome::Cancelled),
        "interrupt" => Some(Outcome::Interrupt {
            interrupts: value.get("interrupts").and_then(Value::as_array)?.clone(),
        }),
        _ => None,
    }
}

/// A piece of an answer as the relay writes it: nearly all events are these. Any other spelling takes the long way.
fn text_delta(text: &str) -> Option<Event> {
    let rest = text.strip_prefix(r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":""#)?;
    let (message_id, rest) = rest.split_once('"')?;
    let delta = rest.strip_prefix(r#","delta":"#)?.strip_suffix('}')?;
    (!message_id.contains('\\')).then_some(Event::TextMessageContent {
        message_id: message_id.to_owned(),
        delta: unescape(delta.strip_prefix('"')?.strip_suffix('"')?)?,
    })
}

/// The inside of a JSON string with none but the usual escapes. (`serde_json::from_str::<String>` would bring 12 KB as
/// served: the sentences of its errors print floats.)
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        let (head, escape) = rest.split_at(at);
        out.push_str(head);
        out.push(match escape.as_bytes() {
            [b'\\', b'n', ..] => '\n',
            [b'\\', b't', ..] => '\t',
            [b'\\', b'r', ..] => '\r',
            [b'\\', same @ (b'"' | b'\\' | b'/'), ..] => char::from(*same),
            _ => return None,
        });
        rest = &escape[2..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_the_derived_reader_reads() {
        let samples = [
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": "r", "parentRunId": "p", "timestamp": 5,
                "protocolVersion": "1.0", "more": [1]}),
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": "r"}),
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r", "outcome": {"type": "success"}}),
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r", "outcome": {"type": "cancelled"}}),
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r",
                "outcome": {"type": "interrupt", "interrupts": [{"id": "i"}]}, "timestamp": 7}),
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r"}),
            json!({"type": "RUN_ERROR", "message": "m", "code": "internal"}),
            json!({"type": "RUN_ERROR", "message": "m"}),
            json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "assistant"}),
            json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "user"}),
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": "é😀\n\""}),
            json!({"type": "TEXT_MESSAGE_END", "messageId": "a"}),
            json!({"type": "TOOL_CALL_START", "toolCallId": "t", "toolCallName": "n", "parentMessageId": "p"}),
            json!({"type": "TOOL_CALL_START", "toolCallId": "t", "toolCallName": "n"}),
            json!({"type": "TOOL_CALL_ARGS", "toolCallId": "t", "delta": "{"}),
            json!({"type": "TOOL_CALL_END", "toolCallId": "t"}),
            json!({"type": "TOOL_CALL_RESULT", "toolCallId": "t", "messageId": "m", "content": "c"}),
            json!({"type": "CUSTOM", "name": "persai.notice", "value": {"v": 1, "a": [true, null, 1.5]}}),
            json!({"type": "SOMETHING_ELSE", "x": 1}),
        ];
        for sample in samples {
            let derived: Event = serde_json::from_value(sample.clone()).expect("a good sample");
            assert_eq!(read(&sample.to_string()), Some(derived), "{sample}");
        }
    }

    #[test]
    fn the_short_way_reads_no_delta_differently() {
        for text in [
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"é😀 x, {y}"}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":""}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"a\nb \" \u00e9\ud83d\ude00"}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"x","more":"y"}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","more":"y","delta":"x"}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"\u0061","delta":"x"}"#,
            r#"{"messageId":"a","type":"TEXT_MESSAGE_CONTENT","delta":"x"}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"x"} "#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":5}"#,
            r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"\x"}"#,
        ] {
            assert_eq!(read(text), serde_json::from_str(text).ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_derived_reader_refuses() {
        for bad in [
            json!({}),
            json!([]),
            json!({"type": 5}),
            json!({"type": "RUN_STARTED", "threadId": "c"}),
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": 5}),
            json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "developer"}),
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a"}),
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": null}),
            json!({"type": "TOOL_CALL_RESULT", "toolCallId": "t", "messageId": "m", "content": {}}),
            json!({"type": "CUSTOM", "name": "x"}),
        ] {
            assert!(
                serde_json::from_value::<Event>(bad.clone()).is_err(),
                "{bad}"
            );
            assert_eq!(read(&bad.to_string()), None, "{bad}");
        }
        assert_eq!(read("{"), None);
    }

    #[test]
    fn text_reads_the_same_in_every_spelling() {
        let head = r#"{"type":"TEXT_MESSAGE_CONTENT","messageId":"#;
        for tail in [
            r#""a","delta":"x\"y\\ \u00e9\ud83d\ude00","timestamp":1}"#,
            r#""a\"b","delta":"x"}"#,
            r#""a", "delta":"x"}"#,
            r#""a","delta":"x"} "#,
            r#""a","delta":"}"}"#,
            r#""a","delta":"\ud83d"}"#,
            r#""a","delta":"x","delta2":"y"}"#,
            r#""a","delta":"x"}}"#,
            r#""a","delta":"\"\\\/\b\f\n\r\t"}"#,
            r#""a","delta":"\"\\\/\n\r\té"}"#,
            r#""a","delta":"x\"}"#,
            r#""a","delta":"x\\"}"#,
            r#""a","delta":""}"#,
            r#""a","delta":"}"#,
            r#""a","delta":"x""#,
            r#""a","delta":{}}"#,
        ] {
            let text = format!("{head}{tail}");
            assert_eq!(read(&text), serde_json::from_str(&text).ok(), "{text}");
        }
    }
}
