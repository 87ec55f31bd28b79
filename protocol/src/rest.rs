//! Bodies of the small REST API beside the event streams.

use serde::{Deserialize, Serialize};

/// `GET /persai/v1/capabilities`; answered without a token as well, and then without `user`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Always [`crate::PRODUCT`].
    pub product: String,
    pub version: String,
    pub protocol: ProtocolRange,
    pub authentication: Authentication,
    /// Login name of the asking user, where a good token came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    pub models: Vec<ModelInfo>,
    /// Id of one of `models`.
    pub default_model: String,
    /// AG-UI's own version, and the parts of `RunAgentInput` that we ignore.
    pub ag_ui_version: String,
    pub ignored_inputs: Vec<String>,
    /// Bytes of the longest question that is taken.
    pub max_question_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolRange {
    pub min: u32,
    pub max: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Authentication {
    /// Perses' own users; histories are theirs alone.
    Perses,
    /// Perses asks nobody who they are: histories are kept per browser, with no claim of privacy.
    None,
    /// Perses could not be asked; nobody is let in.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// `builtin` for the built-in engine, else the id from the relay's configuration.
    pub id: String,
    pub title: String,
    pub provider: String,
    pub builtin: bool,
    /// Host that questions and query digests are sent to; absent: nothing leaves this Perses.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationList {
    pub conversations: Vec<ConversationSummary>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationSummary {
    pub id: String,
    /// The start of the first question.
    pub title: String,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub last_seq: u64,
    /// Its newest run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunSummary>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    pub run_id: String,
    pub state: RunState,
    /// A code of [`crate::error::ErrorCode`] where it did not finish well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    Running,
    AwaitingCredentials,
    Finished,
    Interrupted,
    Cancelled,
    Failed,
}

/// 202 of `POST /persai/v1/agent` with `Accept: application/json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunAccepted {
    pub conversation_id: String,
    pub run_id: String,
    /// Seq of the run's `RUN_STARTED`: follow the conversation after the seq before it.
    pub first_seq: u64,
    pub state: RunState,
}

/// `POST /persai/v1/runs/{id}/cancel` takes `{}`; the stop is written before this is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelRun {}
