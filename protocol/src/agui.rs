//! AG-UI 1.0 events, as the official schema has them (`tests/conformance` checks every one against it).
//!
//! Only what we send or must read is a variant; everything else is [`Event::Unknown`], which readers skip.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One AG-UI event. `type` is the tag on the wire, fields are camelCase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    RunStarted {
        thread_id: String,
        run_id: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        protocol_version: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        parent_run_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        timestamp: Option<i64>,
    },
    RunFinished {
        thread_id: String,
        run_id: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        outcome: Option<Outcome>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        usage: Vec<TokenUsage>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        timestamp: Option<i64>,
    },
    RunError {
        /// A sentence for the user.
        message: String,
        /// A code of [`crate::error::ErrorCode`], as text, so that foreign agents' codes can be read too.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        code: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        timestamp: Option<i64>,
    },
    /// A round of the agent loop begins; `step_name` is `round-<n>`, counted from 1.
    StepStarted {
        step_name: String,
    },
    StepFinished {
        step_name: String,
    },
    TextMessageStart {
        message_id: String,
        role: MessageRole,
    },
    TextMessageContent {
        message_id: String,
        delta: String,
    },
    TextMessageEnd {
        message_id: String,
    },
    ToolCallStart {
        tool_call_id: String,
        tool_call_name: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        parent_message_id: Option<String>,
    },
    ToolCallArgs {
        tool_call_id: String,
        delta: String,
    },
    ToolCallEnd {
        tool_call_id: String,
    },
    /// `content` is exactly the text that the model got.
    ToolCallResult {
        message_id: String,
        tool_call_id: String,
        content: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        role: Option<ToolRole>,
    },
    MessagesSnapshot {
        messages: Vec<Value>,
    },
    /// Ours are `persai.*`, see [`crate::custom`].
    Custom {
        name: String,
        value: Value,
    },
    /// Any other type: nothing for us to show.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolRole {
    Tool,
}

/// How a run ended when it ended well. Failure is `RUN_ERROR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Outcome {
    Success,
    Cancelled,
    Interrupt { interrupts: Vec<Value> },
}

/// Token counts of one model in one run; absent means unknown, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider: Option<String>,
}

impl Event {
    /// Whether nothing of the run follows this event.
    #[must_use]
    pub fn ends_run(&self) -> bool {
        matches!(self, Self::RunFinished { .. } | Self::RunError { .. })
    }
}
