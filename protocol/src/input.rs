//! What a client posts to `POST /persai/v1/agent`: AG-UI's `RunAgentInput`.
//!
//! Open as AG-UI has it (unknown top-level fields are skipped, foreign clients may send them); strict inside our own
//! `forwardedProps.persai`. Only the last user message is read; `tools`, `state` and `context` are ignored and the
//! capabilities say so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::custom::TimeRange;
use crate::evidence::DatasourceSelector;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunAgentInput {
    /// The conversation.
    pub thread_id: String,
    /// Chosen by the client; a repeated post with a known one replays that run.
    pub run_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protocol_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_run_id: Option<String>,
    #[serde(default)]
    pub messages: Vec<InputMessage>,
    #[serde(default)]
    pub state: Value,
    #[serde(default)]
    pub tools: Vec<Value>,
    #[serde(default)]
    pub context: Vec<Value>,
    #[serde(default)]
    pub forwarded_props: ForwardedProps,
}

/// Any AG-UI message; `content` is text, or parts of which the text ones count.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InputMessage {
    pub id: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Value>,
}

impl InputMessage {
    /// The message's text; parts are joined by a line break.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.content {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts
                .iter()
                .filter(|part| part.get("type").and_then(Value::as_str) == Some("text"))
                .filter_map(|part| part.get("text").and_then(Value::as_str))
                .collect::<Vec<_>>()
                .join("\n"),
            _ => String::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForwardedProps {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub persai: Option<PersaiProps>,
}

/// Ours. Everything has a default, so that a plain AG-UI client can ask: the default Prometheus datasource, the last
/// hour, UTC, the default model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersaiProps {
    /// Empty: the default Prometheus datasource of this Perses.
    #[serde(default)]
    pub datasources: Vec<DatasourceSelector>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_range: Option<TimeRange>,
    /// Minutes to add to UTC to get the asker's local time (Kathmandu: 345); JavaScript's `getTimezoneOffset()` negated.
    #[serde(default)]
    pub utc_offset_minutes: i32,
    /// Id of a model as in the capabilities; absent: the default one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// The step that a panel of the asker's width would take (`useSuggestedStepMs`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suggested_step_ms: Option<i64>,
    /// Perses variables and their values, for `$name` in queries.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub variables: BTreeMap<String, Vec<String>>,
}
