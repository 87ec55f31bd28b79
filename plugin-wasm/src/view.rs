//! The boundary's vocabulary: [`Command`]s go in, [`Patch`]es come out. TypeScript types are generated from these.
//!
//! The shim keeps a map from key to value and renders what changed. Keys are hierarchical: `app`,
//! `message/<id>`, `tool/<toolCallId>`. A message's markdown is a tree under its own key `md/<messageId>/<part>`, changed by
//! [`MdOp`]s, so that finished nodes never cross the boundary again.

mod md;

use persai_protocol::custom::TimeRange;
use persai_protocol::evidence::DatasourceSelector;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use md::{MdKind, MdNode, MdOp};

/// What the shim tells the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Command {
    /// First of all, once: where we are.
    Start {
        env: HostEnv,
    },
    /// The host's time range picker moved, or another zone was chosen.
    SetTimeRange {
        time_range: TimeRange,
        utc_offset_minutes: i32,
    },
    SetSuggestedStep {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        step_ms: i64,
    },
    SelectDatasources {
        names: Vec<DatasourceSelector>,
    },
    SelectModel {
        id: String,
    },
    Ask {
        text: String,
    },
    Stop,
    NewConversation,
    OpenConversation {
        id: String,
    },
    /// Repeat the connection, or the question of a failed turn.
    Retry,
    /// The panel kinds that the host has, as `GET /api/v1/plugins` tells; absent kinds fall back.
    SetPanelKinds {
        kinds: Vec<String>,
    },
    ChoosePanelKind {
        tool_call_id: String,
        kind: String,
    },
    /// A tool card is opened or closed.
    ToggleTool {
        tool_call_id: String,
    },
    Visibility {
        hidden: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HostEnv {
    /// `window.PERSES_APP_CONFIG?.api_prefix ?? ""`, no trailing slash.
    pub api_prefix: String,
    /// Where the plugin's files are, for `config.json`, with a trailing slash.
    pub plugin_base: String,
    pub origin: String,
    pub time_range: TimeRange,
    pub utc_offset_minutes: i32,
}

/// One change of the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "op", rename_all = "camelCase")]
// Patches are few and live for a moment.
#[allow(clippy::large_enum_variant)]
pub enum Patch {
    /// The value of a key is now this.
    Set {
        key: String,
        value: ViewNode,
    },
    Remove {
        key: String,
    },
    /// Changes of the markdown tree under `key`.
    Md {
        key: String,
        ops: Vec<MdOp>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "view", rename_all = "camelCase")]
pub enum ViewNode {
    App(AppView),
    Message(MessageView),
    Tool(ToolView),
    /// An empty markdown tree; [`MdOp`]s fill it.
    Markdown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AppView {
    pub phase: Phase,
    /// Present where something is wrong or must be known: what, why, what to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub trouble: Option<TroubleView>,
    pub datasources: Vec<DatasourceOption>,
    pub models: Vec<ModelOption>,
    pub selected_model: String,
    /// "Answers come from the built-in engine; nothing leaves this Perses", or who gets what.
    pub privacy_line: String,
    /// Without authentication at Perses: that history is per browser.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub history_line: Option<String>,
    /// Questions that the chosen datasource can answer; shown while the conversation is empty.
    pub suggestions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub conversation_id: Option<String>,
    pub conversations: Vec<ConversationOption>,
    /// Ids of the messages, oldest first; each is under `message/<id>`.
    pub messages: Vec<String>,
    /// A run of this conversation goes on: Stop takes the place of Send.
    pub running: bool,
    /// One quiet line: what is being done now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub activity: Option<String>,
    pub can_send: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    Connecting,
    Ready,
    /// No relay answers; `trouble` says where it was looked for.
    Unreachable,
    /// A relay of another protocol version.
    Incompatible,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TroubleView {
    /// A code of `persai_protocol::error::ErrorCode`, or one of the plugin's own (`relayUnreachable`, `signInAgain`).
    pub code: String,
    pub what: String,
    pub why: String,
    pub todo: String,
    pub can_retry: bool,
    /// Seconds until it is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub retry_in_secs: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DatasourceOption {
    pub selector: DatasourceSelector,
    pub title: String,
    pub selected: bool,
    /// Why it can't be chosen (it has a direct URL, say).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub disabled_reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ModelOption {
    pub id: String,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ConversationOption {
    pub id: String,
    pub title: String,
    pub running: bool,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub updated_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    pub id: String,
    pub from: Speaker,
    pub state: MessageState,
    /// In order; what they name is under `md/<message>/<n>` and `tool/<toolCallId>`.
    pub parts: Vec<Part>,
    /// The answer as markdown source, for copying; only once it has settled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub source: Option<String>,
    /// Where the run failed or was stopped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub trouble: Option<TroubleView>,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Speaker {
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum MessageState {
    /// On its way to the relay.
    Sending,
    Streaming,
    Settled,
    Stopped,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(
    tag = "part",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Part {
    /// A user's question, as it was typed.
    Text { text: String },
    /// A markdown tree under this key.
    Markdown { key: String },
    /// A tool call under `tool/<toolCallId>`.
    Tool { tool_call_id: String },
    Notice {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        hint: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ToolView {
    pub tool_call_id: String,
    /// `query_metrics`
    pub name: String,
    /// The call in human words.
    pub title: String,
    pub state: ToolState,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub started_at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub duration_ms: Option<u64>,
    pub open: bool,
    /// One sentence: what was found, or what failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub summary: Option<String>,
    /// "allowed", "narrowed", …
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub verdict: Option<String>,
    /// Pretty-printed; only while open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub arguments: Option<String>,
    /// The query as it was run; only while open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub query: Option<String>,
    /// What the model was told; only while open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub digest: Option<String>,
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub panel: Option<PanelView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ToolState {
    Running,
    Done,
    Failed,
    Stopped,
}

/// A native panel. The shim mounts it as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PanelView {
    pub title: String,
    /// `TimeSeriesChart`, `StatChart`, …
    pub kind: String,
    /// Kinds that this result may be shown as as well.
    pub alternatives: Vec<String>,
    /// A whole Perses `Panel` definition, queries included.
    #[cfg_attr(feature = "ts", ts(type = "unknown"))]
    pub definition: Value,
    /// Pinned to what the model read.
    pub time_range: TimeRange,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub step_ms: i64,
    /// `options.mode` of `DataQueriesProvider`: `range` or `instant`.
    pub mode: String,
    /// Reserved before the panel arrives, CSS pixels.
    pub height_px: u32,
    /// "14:00–15:00 · 15 s · 2 series · allowed", in the user's time zone.
    pub footer: String,
}
