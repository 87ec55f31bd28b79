//! Everything that the agent needs of the world, as traits: a model, datasources, a journal, a clock, ids.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use persai_protocol::agui::Event;
use persai_protocol::evidence::DatasourceSelector;

use crate::message::{Message, Replay, ToolDefinition};

/// All of it, for one run.
#[derive(Clone)]
pub struct Ports {
    pub model: Arc<dyn Model>,
    pub datasources: Arc<dyn Datasources>,
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
}

// --- model ---------------------------------------------------------------------------------------------------------

/// One LLM, or the built-in engine. A stream sends nothing until it is polled, and dropping it ends the call.
pub trait Model: Send + Sync {
    fn describe(&self) -> ModelDescription;
    fn stream(&self, request: ModelRequest) -> BoxStream<'static, ModelEvent>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDescription {
    /// Id as in the capabilities; `builtin` for the engine.
    pub id: String,
    pub provider: String,
    pub model: String,
}

#[derive(Debug, Clone)]
pub struct ModelRequest {
    pub system_prompt: String,
    /// Oldest first; the last one is the user's question or this turn's newest tool results.
    pub messages: Vec<Message>,
    pub tools: Vec<ToolDefinition>,
    pub tool_choice: ToolChoice,
    pub max_output_tokens: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    /// The last round: tools stay in the request, none may be called, and none that is called anyway is run.
    None,
}

/// What a model's stream says. After [`ModelEvent::End`] or [`ModelEvent::Error`] comes nothing. A stream that ends
/// with neither is a truncated answer, and no tool of it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    TextDelta(String),
    ReasoningDelta(String),
    /// `part` tells parallel calls apart within one answer. Deltas are for showing; only the end counts.
    ToolCallStart {
        part: usize,
        id: String,
        name: String,
    },
    ToolCallDelta {
        part: usize,
        json: String,
    },
    /// `arguments` is the whole text as sent, well-formed or not.
    ToolCallEnd {
        part: usize,
        id: String,
        name: String,
        arguments: String,
    },
    /// The last one counts; absent counts are unknown, not zero.
    Usage {
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
    },
    End {
        stop: StopReason,
        replay: Option<Replay>,
    },
    Error(ModelError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    EndTurn,
    MaxTokens,
    ToolCalls,
    StopSequence,
    Refusal,
    ContextWindow,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    pub kind: ModelErrorKind,
    /// May be tried again, as long as nothing of the answer was shown.
    pub retryable: bool,
    pub retry_after_secs: Option<u64>,
    /// Scrubbed, for the operator's log; never for the browser.
    pub cause: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelErrorKind {
    Auth,
    Overloaded,
    RateLimited,
    ContextTooLong,
    Timeout,
    Truncated,
    TooLarge,
    Unreachable,
    InvalidRequest,
    Other,
}

// --- datasources ---------------------------------------------------------------------------------------------------

/// Datasources of the configured Perses, read as the asking user (an implementation holds that user's credentials for
/// one run). Only reads exist.
pub trait Datasources: Send + Sync {
    /// What is known of a datasource before it is asked.
    fn describe<'a>(
        &'a self,
        selector: &'a DatasourceSelector,
    ) -> BoxFuture<'a, Result<DatasourceInfo, DataError>>;

    /// One call of Prometheus' HTTP API through the Perses datasource proxy.
    fn prometheus<'a>(
        &'a self,
        selector: &'a DatasourceSelector,
        call: PromCall,
        limits: CallLimits,
    ) -> BoxFuture<'a, Result<PromAnswer, DataError>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasourceInfo {
    /// Perses' default for it is 1 m where the datasource does not say.
    pub scrape_interval_secs: u64,
    /// The endpoints that the datasource's `allowedEndpoints` let through.
    pub allowed: Vec<PromEndpoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromEndpoint {
    Query,
    QueryRange,
    Labels,
    LabelValues,
    Series,
    Metadata,
    Rules,
    Alerts,
}

/// Times and steps in seconds as Prometheus takes them.
#[derive(Debug, Clone, PartialEq)]
pub enum PromCall {
    Query {
        query: String,
        time_secs: f64,
    },
    QueryRange {
        query: String,
        start_secs: f64,
        end_secs: f64,
        step_secs: f64,
    },
    Labels {
        matches: Vec<String>,
        start_secs: f64,
        end_secs: f64,
    },
    LabelValues {
        label: String,
        matches: Vec<String>,
        start_secs: f64,
        end_secs: f64,
        limit: Option<u64>,
    },
    Series {
        matches: Vec<String>,
        start_secs: f64,
        end_secs: f64,
        limit: Option<u64>,
    },
    /// All metrics where `metric` is absent.
    Metadata {
        metric: Option<String>,
        limit: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// After decompression.
    pub max_bytes: usize,
    pub timeout_ms: u64,
}

/// A 2xx answer whose body is JSON with `"status":"success"`; the bytes are as they came.
#[derive(Debug, Clone)]
pub struct PromAnswer {
    pub body: Vec<u8>,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataError {
    /// No such datasource, or none that this user may know of.
    Unknown,
    /// Perses refuses this user; `missing` is Perses' own word for the right.
    Forbidden {
        missing: Option<String>,
    },
    /// It has a `directUrl`.
    NotProxied,
    EndpointNotAllowed {
        endpoint: PromEndpoint,
    },
    /// The user's Perses token has run out.
    CredentialsExpired,
    PersesUnreachable,
    Unreachable,
    Timeout {
        after_ms: u64,
    },
    TooLarge {
        limit_bytes: usize,
    },
    /// Not JSON of Prometheus' shape; `hint` names what it looks like ("HTML").
    Malformed {
        hint: String,
    },
    /// The upstream refuses Perses (401, 403).
    Refused,
    /// Prometheus' own error, e.g. `bad_data` with a parse error.
    Upstream {
        status: u16,
        error_type: String,
        message: String,
    },
}

// --- journal -------------------------------------------------------------------------------------------------------

/// The conversation's log. Events are seen by the user only after their batch is committed; text deltas may be joined
/// on the way. An error means the log cannot be written: the run must end at once.
pub trait Journal: Send + Sync {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), JournalError>>;
}

#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Event(Event),
    /// A finished message of the conversation, in content blocks.
    Message(Message),
    /// A raw answer of a datasource, kept for looking deeper; `sha256` in hex as in the evidence.
    Result {
        tool_call_id: String,
        sha256: String,
        body: Vec<u8>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the conversation log cannot be written: {0}")]
pub struct JournalError(pub String);

// --- time, ids -----------------------------------------------------------------------------------------------------

pub trait Clock: Send + Sync {
    /// UTC milliseconds.
    fn now_ms(&self) -> i64;
    /// Milliseconds that only rise, for durations.
    fn monotonic_ms(&self) -> u64;
    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()>;
}

pub trait Ids: Send + Sync {
    /// A fresh id, `<prefix>_<something>`, valid by `persai_protocol::id`.
    fn fresh(&self, prefix: &str) -> String;
}
