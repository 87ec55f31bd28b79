//! The relay's answers.

use persai_protocol::rest::{
    Authentication, Capabilities, ConversationSummary, ModelInfo, ProtocolRange, RunState,
    RunSummary,
};
use serde_json::Value;

use super::Fields;

/// `ErrorBody`, with the code as it stands on the wire: a code of a newer relay is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    pub retry_after_secs: Option<u64>,
    pub run_id: Option<String>,
}

#[must_use]
pub fn refusal(value: &Value) -> Option<Refusal> {
    Some(Refusal {
        code: value.text("code")?,
        message: value.text("message")?,
        hint: value.text("hint"),
        retry_after_secs: value.count("retryAfterSecs"),
        run_id: value.text("runId"),
    })
}

#[must_use]
pub fn protocol_range(value: &Value) -> Option<ProtocolRange> {
    let bound = |name| u32::try_from(value.count(name)?).ok();
    Some(ProtocolRange {
        min: bound("min")?,
        max: bound("max")?,
    })
}

#[must_use]
pub fn capabilities(value: &Value) -> Option<Capabilities> {
    Some(Capabilities {
        product: value.text("product")?,
        version: value.text("version")?,
        protocol: protocol_range(value.get("protocol")?)?,
        authentication: match value.get("authentication")?.as_str()? {
            "perses" => Authentication::Perses,
            "none" => Authentication::None,
            "unknown" => Authentication::Unknown,
            _ => return None,
        },
        user: value.text("user"),
        models: value.list("models", model),
        default_model: value.text("defaultModel")?,
        ag_ui_version: value.text("agUiVersion")?,
        ignored_inputs: value.texts("ignoredInputs"),
        max_question_bytes: value.count("maxQuestionBytes")?,
    })
}

fn model(value: &Value) -> Option<ModelInfo> {
    Some(ModelInfo {
        id: value.text("id")?,
        title: value.text("title")?,
        provider: value.text("provider")?,
        builtin: value.flag("builtin")?,
        sent_to: value.text("sentTo"),
    })
}

/// The list of `ConversationList`; an entry that can't be read is left out.
#[must_use]
pub fn conversations(value: &Value) -> Option<Vec<ConversationSummary>> {
    value.get("conversations")?.as_array()?;
    Some(value.list("conversations", |one| {
        Some(ConversationSummary {
            id: one.text("id")?,
            title: one.text("title")?,
            created_at_ms: one.int("createdAtMs")?,
            updated_at_ms: one.int("updatedAtMs")?,
            last_seq: one.count("lastSeq")?,
            run: one.get("run").and_then(run),
        })
    }))
}

fn run(value: &Value) -> Option<RunSummary> {
    let state = match value.get("state")?.as_str()? {
        "running" => RunState::Running,
        "awaitingCredentials" => RunState::AwaitingCredentials,
        "finished" => RunState::Finished,
        "interrupted" => RunState::Interrupted,
        "cancelled" => RunState::Cancelled,
        "failed" => RunState::Failed,
        _ => return None,
    };
    Some(RunSummary {
        run_id: value.text("runId")?,
        state,
        reason: value.text("reason"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use persai_protocol::error::ErrorBody;
    use persai_protocol::rest::ConversationList;
    use serde_json::json;

    #[test]
    fn reads_what_the_derived_readers_read() {
        for authentication in ["perses", "none", "unknown"] {
            let sample = json!({"product": "persai", "version": "1", "protocol": {"min": 1, "max": 2},
                "authentication": authentication, "user": "u", "defaultModel": "b", "agUiVersion": "1.0",
                "ignoredInputs": ["tools"], "maxQuestionBytes": 9, "models": [
                    {"id": "b", "title": "B", "provider": "p", "builtin": true},
                    {"id": "c", "title": "C", "provider": "p", "builtin": false, "sentTo": "h"}]});
            assert_eq!(capabilities(&sample), serde_json::from_value(sample).ok());
        }
        let run = |state: &str| {
            json!({"id": "c", "title": "t", "createdAtMs": 1, "updatedAtMs": 2, "lastSeq": 3,
            "run": {"runId": "r", "state": state, "reason": "x"}})
        };
        let sample = json!({"conversations": [run("running"), run("awaitingCredentials"), run("finished"),
            run("interrupted"), run("cancelled"), run("failed"),
            {"id": "c", "title": "t", "createdAtMs": 1, "updatedAtMs": 2, "lastSeq": 3}]});
        let derived: ConversationList =
            serde_json::from_value(sample.clone()).expect("a good sample");
        assert_eq!(conversations(&sample), Some(derived.conversations));
        assert_eq!(conversations(&json!({"conversations": 5})), None);
    }

    #[test]
    fn a_refusal_keeps_its_code_as_it_came() {
        let sample = json!({"code": "runActive", "message": "m", "hint": "h", "retryAfterSecs": 4, "runId": "r"});
        let derived: ErrorBody = serde_json::from_value(sample.clone()).expect("a good sample");
        let read = refusal(&sample).expect("a refusal");
        assert_eq!(
            (
                read.code,
                read.message,
                read.hint,
                read.retry_after_secs,
                read.run_id
            ),
            (
                derived.code.as_wire(),
                derived.message,
                derived.hint,
                derived.retry_after_secs,
                derived.run_id
            )
        );
        assert_eq!(
            refusal(&json!({"code": "ofTheFuture", "message": "m"}))
                .map(|r| r.code)
                .as_deref(),
            Some("ofTheFuture")
        );
        assert_eq!(refusal(&json!({"message": "not ours"})), None);
    }
}
