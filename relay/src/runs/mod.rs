//! Runs: started by a request, owned by the server. A run lives until it finishes, is cancelled or the relay drains;
//! who reads it, and whether anybody does, makes no difference.

use std::sync::Arc;

use futures::stream::BoxStream;
use persai_agent::ports::Datasources;
use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::input::RunAgentInput;
use persai_protocol::rest::{ConversationSummary, RunAccepted, RunSummary};

use crate::error::ApiError;
use crate::identity::credentials::Credentials;
use crate::identity::owner::Owner;

/// One item of an event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamItem {
    /// Absent on what is not stored: `persai.caughtUp`, `persai.reset`.
    pub seq: Option<u64>,
    /// The event as JSON, one line.
    pub data: Arc<str>,
}

/// What the HTTP side found out about a question before its run starts.
pub struct Resolved {
    /// Never empty: the asked ones, or the default.
    pub datasources: Vec<DatasourceSelector>,
    /// Reads them as the asking user; holds that user's credentials for this run only.
    pub datasources_port: Arc<dyn Datasources>,
    /// One of the configured models, or `builtin`.
    pub model_id: String,
}

/// All runs of this relay. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    inner: Arc<Inner>,
}

struct Inner {}

impl Runs {
    /// Starts a run, or answers with the known one of that id. What is written before this returns is on disk.
    ///
    /// # Errors
    /// `invalidRequest`, `unknownModel`, `runActive` (with its id), `draining`, `storageUnavailable`.
    pub async fn start(
        &self,
        owner: &Owner,
        credentials: Credentials,
        input: RunAgentInput,
        resolved: Resolved,
    ) -> Result<RunAccepted, ApiError>;

    /// Stops a run; the stop is on disk before this returns. A run that has ended stays as it is.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn cancel(&self, owner: &Owner, run_id: &str) -> Result<RunSummary, ApiError>;

    /// All runs of a conversation: the history after `after`, `persai.caughtUp`, then live. Does not end by itself.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn follow_conversation(
        &self,
        owner: &Owner,
        conversation_id: &str,
        after: Option<u64>,
    ) -> Result<BoxStream<'static, StreamItem>, ApiError>;

    /// One run, from `RUN_STARTED` (or after `after`) to its last event, and then the stream ends.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn follow_run(
        &self,
        owner: &Owner,
        run_id: &str,
        after: Option<u64>,
    ) -> Result<BoxStream<'static, StreamItem>, ApiError>;

    /// The owner's conversations, newest first.
    ///
    /// # Errors
    /// `storageUnavailable`.
    pub async fn list(&self, owner: &Owner) -> Result<Vec<ConversationSummary>, ApiError>;

    /// One conversation of the owner.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn get(&self, owner: &Owner, conversation_id: &str) -> Result<ConversationSummary, ApiError>;

    /// Takes no new runs, gives the running ones a short while, ends the rest honestly, and closes all streams.
    pub async fn drain(&self);
}
