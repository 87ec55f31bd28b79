//! What goes to a model and comes back: messages made of content blocks. These blocks are the truth of a conversation;
//! providers translate them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

/// One message. Tool results are blocks of a user message, all results of a round in one message, in call order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub role: Role,
    pub blocks: Vec<ContentBlock>,
    /// For an exact replay at the provider that wrote it; ignored by any other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replay: Option<Replay>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ContentBlock {
    Text {
        text: String,
    },
    Reasoning {
        text: String,
    },
    /// `arguments` is the text as the model sent it; it is parsed and checked before a tool runs.
    ToolCall {
        id: String,
        name: String,
        arguments: String,
    },
    ToolResult(ToolResult),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    pub tool_call_id: String,
    /// Exactly the text that the model is given.
    pub content: String,
    pub is_error: bool,
    /// The same facts as a value, for the built-in engine; never sent to a provider.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub structured: Option<Value>,
}

/// An adapter's own opaque form of an assistant message. Used only where provider, model and adapter version are the
/// same; else the blocks alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    pub provider: String,
    pub model: String,
    pub adapter_version: u32,
    pub data: String,
}

/// A tool as the model is told of it. `input_schema` is plain JSON schema (no unions, no `$ref`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolDefinition {
    pub name: String,
    pub description: String,
    pub input_schema: Value,
}
