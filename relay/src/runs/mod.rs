//! Runs: started by a request, owned by the server. A run lives until it finishes, is cancelled or the relay drains;
//! who reads it, and whether anybody does, makes no difference.
//!
//! Where to start: [`Runs`], what the HTTP side calls. [`start`]: a question becomes a run. [`journal`]: the agent's
//! events on their way into the log. [`follow`]: out of the log to a reader. [`settle`]: every run gets an honest end.
//! [`active`]: runs that have a task. [`history`]: what of the log a model is given. [`system`]: the real clock and ids.

mod active;
mod follow;
mod held;
mod history;
mod journal;
mod settings;
mod settle;
mod start;
mod system;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::BoxStream;
use persai_agent::ports::Datasources;
use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::input::RunAgentInput;
use persai_protocol::rest::{ConversationSummary, RunAccepted, RunState, RunSummary};
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::identity::credentials::Credentials;
use crate::identity::owner::Owner;
use crate::log::{Batch, ConversationKey, Durability, EventLog, LogError, RunChange, RunRow};
use crate::providers::Models;
use active::ActiveRuns;
pub use settings::RunSettings;

/// How long a draining relay lets runs go on.
const DRAIN_GRACE: Duration = Duration::from_secs(5);
/// How long the answer to a cancel waits for the run to have ended.
const CANCEL_WAIT: Duration = Duration::from_secs(1);
/// Conversations in a list.
const LIST_LIMIT: u32 = 500;

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
    /// The asked ones, or the default; empty only where this Perses has none.
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

struct Inner {
    log: Arc<dyn EventLog>,
    models: Arc<Models>,
    settings: RunSettings,
    active: ActiveRuns,
    draining: AtomicBool,
    /// Ends all streams.
    closed: CancellationToken,
}

impl Runs {
    /// Takes over the log: runs that a crash left without an end get one before this returns.
    ///
    /// # Errors
    /// The log cannot be read or written.
    pub async fn open(
        log: Arc<dyn EventLog>,
        models: Arc<Models>,
        settings: RunSettings,
    ) -> Result<Self, LogError> {
        settle::recover(log.as_ref()).await?;
        let inner = Inner {
            log,
            models,
            settings,
            active: ActiveRuns::default(),
            draining: AtomicBool::new(false),
            closed: CancellationToken::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Starts a run, or answers with the known one of that id. Its question is in the log before this returns.
    /// `credentials` are those that `resolved.datasources_port` uses; an expired token starts nothing.
    ///
    /// # Errors
    /// `invalidRequest`, `unknownModel`, `persesTokenExpired`, `runActive` (with its id), `draining`,
    /// `storageUnavailable`.
    pub async fn start(
        &self,
        owner: &Owner,
        credentials: Credentials,
        input: RunAgentInput,
        resolved: Resolved,
    ) -> Result<RunAccepted, ApiError> {
        self.begin(owner, credentials, input, resolved)
            .await
            .map(|started| started.run)
    }

    /// [`Runs::start`] and [`Runs::follow_run`] in one. A run that begins here is heard from its first event on.
    ///
    /// # Errors
    /// Those of both.
    pub async fn start_and_follow(
        &self,
        owner: &Owner,
        credentials: Credentials,
        input: RunAgentInput,
        resolved: Resolved,
    ) -> Result<BoxStream<'static, StreamItem>, ApiError> {
        let conversation = ConversationKey {
            owner: owner.key(),
            id: input.thread_id.clone(),
        };
        // Before the start, so that it hears all of the run.
        let follower = self.inner.log.follow(&conversation);
        let started = self.begin(owner, credentials, input, resolved).await?;
        if started.was_known {
            return self.follow_run(owner, &started.run.run_id, None).await;
        }
        let reading = follow::Reading {
            log: Arc::clone(&self.inner.log),
            conversation,
            run_id: Some(started.run.run_id),
            after: started.run.first_seq.saturating_sub(1),
            reset: false,
            live: true,
            closed: self.inner.closed.clone(),
        };
        Ok(follow::stream(reading, follower))
    }

    async fn begin(
        &self,
        owner: &Owner,
        credentials: Credentials,
        input: RunAgentInput,
        resolved: Resolved,
    ) -> Result<start::Started, ApiError> {
        // A run is the server's from its first record on: a request that is dropped half-way must not leave a run
        // without a task.
        let (runs, owner) = (self.clone(), owner.key());
        tokio::spawn(async move {
            start::start(&runs.inner, owner, &credentials, input, resolved).await
        })
        .await
        .map_err(ApiError::internal)?
    }

    /// Stops a run; the stop is on disk before this returns. A run that has ended stays as it is.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn cancel(&self, owner: &Owner, run_id: &str) -> Result<RunSummary, ApiError> {
        let row = self.run_row(owner, run_id).await?;
        if row.has_ended() {
            return Ok(row.summary());
        }
        let batch = Batch {
            conversation: row.conversation,
            run_id: row.run_id,
            at_ms: system::now_ms(),
            records: Vec::new(),
            change: Some(RunChange::CancelAsked),
            durability: Durability::Synced,
        };
        match self.inner.log.append(batch).await {
            Ok(_) => {}
            // It ended meanwhile, by itself or by another cancel.
            Err(LogError::RunOver) => return Ok(self.run_row(owner, run_id).await?.summary()),
            Err(error) => return Err(ApiError::storage(error)),
        }
        let key = (owner.key(), run_id.to_owned());
        // Not an error: the stop is written, and the end follows on the stream.
        let _ = tokio::time::timeout(CANCEL_WAIT, self.inner.active.cancel(&key)).await;
        let row = self.run_row(owner, run_id).await?;
        if row.has_ended() {
            self.inner.active.forget_cancel(&key);
        }
        Ok(row.summary())
    }

    /// All runs of a conversation: the history after `after`, `persai.caughtUp`, then live. Does not end by itself.
    /// An `after` that is ahead of the log gets `persai.reset` first, and then everything.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn follow_conversation(
        &self,
        owner: &Owner,
        conversation_id: &str,
        after: Option<u64>,
    ) -> Result<BoxStream<'static, StreamItem>, ApiError> {
        let conversation = ConversationKey {
            owner: owner.key(),
            id: conversation_id.to_owned(),
        };
        let follower = self.inner.log.follow(&conversation);
        let summary = self.conversation(&conversation).await?;
        let after = after.unwrap_or(0);
        let reset = after > summary.last_seq;
        let reading = follow::Reading {
            log: Arc::clone(&self.inner.log),
            conversation,
            run_id: None,
            after: if reset { 0 } else { after },
            reset,
            live: false,
            closed: self.inner.closed.clone(),
        };
        Ok(follow::stream(reading, follower))
    }

    /// One run, from `RUN_STARTED` (or after `after`) to its last event, and then the stream ends.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn follow_run(
        &self,
        owner: &Owner,
        run_id: &str,
        after: Option<u64>,
    ) -> Result<BoxStream<'static, StreamItem>, ApiError> {
        // What is committed after this row was read is read from the log or heard.
        let row = self.run_row(owner, run_id).await?;
        let conversation = row.conversation;
        let follower = self.inner.log.follow(&conversation);
        let before_first = row.first_seq.saturating_sub(1);
        let after = after.unwrap_or(0).max(before_first);
        let reset =
            after > before_first && after > self.conversation(&conversation).await?.last_seq;
        if !reset && row.last_seq.is_some_and(|last_seq| after >= last_seq) {
            return Ok(Box::pin(futures::stream::empty()));
        }
        let reading = follow::Reading {
            log: Arc::clone(&self.inner.log),
            conversation,
            run_id: Some(row.run_id),
            after: if reset { before_first } else { after },
            reset,
            live: false,
            closed: self.inner.closed.clone(),
        };
        Ok(follow::stream(reading, follower))
    }

    /// The owner's conversations, newest first.
    ///
    /// # Errors
    /// `storageUnavailable`.
    pub async fn list(&self, owner: &Owner) -> Result<Vec<ConversationSummary>, ApiError> {
        self.inner
            .log
            .conversations(&owner.key(), LIST_LIMIT)
            .await
            .map_err(ApiError::storage)
    }

    /// One conversation of the owner.
    ///
    /// # Errors
    /// `notFound`, `storageUnavailable`.
    pub async fn get(
        &self,
        owner: &Owner,
        conversation_id: &str,
    ) -> Result<ConversationSummary, ApiError> {
        self.conversation(&ConversationKey {
            owner: owner.key(),
            id: conversation_id.to_owned(),
        })
        .await
    }

    /// Takes no new runs, gives the running ones a short while, ends the rest honestly, and closes all streams.
    pub async fn drain(&self) {
        self.inner.draining.store(true, Ordering::SeqCst);
        if tokio::time::timeout(DRAIN_GRACE, self.inner.active.idle())
            .await
            .is_err()
        {
            self.inner.active.abort_all();
            // A log that cannot be written must not keep the relay up; the next start settles what is left.
            let _ = tokio::time::timeout(DRAIN_GRACE, self.inner.active.idle()).await;
        }
        self.inner.closed.cancel();
    }

    async fn run_row(&self, owner: &Owner, run_id: &str) -> Result<RunRow, ApiError> {
        let row = self
            .inner
            .log
            .run(&owner.key(), run_id)
            .await
            .map_err(ApiError::storage)?;
        row.ok_or_else(|| ApiError::not_found("run"))
    }

    async fn conversation(&self, key: &ConversationKey) -> Result<ConversationSummary, ApiError> {
        let summary = self
            .inner
            .log
            .conversation(key)
            .await
            .map_err(ApiError::storage)?;
        summary.ok_or_else(|| ApiError::not_found("conversation"))
    }
}

fn accepted(row: &RunRow) -> RunAccepted {
    RunAccepted {
        conversation_id: row.conversation.id.clone(),
        run_id: row.run_id.clone(),
        first_seq: row.first_seq,
        state: row.state,
    }
}

/// How a run's last event reads in its row.
fn end_of(event: &persai_protocol::agui::Event) -> Option<(RunState, Option<String>)> {
    use persai_protocol::agui::{Event, Outcome};
    match event {
        Event::RunFinished {
            outcome: None | Some(Outcome::Success),
            ..
        } => Some((RunState::Finished, None)),
        Event::RunFinished {
            outcome: Some(Outcome::Cancelled),
            ..
        } => Some((RunState::Cancelled, Some(ErrorCode::Cancelled.as_wire()))),
        Event::RunFinished {
            outcome: Some(Outcome::Interrupt { .. }),
            ..
        } => Some((RunState::Interrupted, None)),
        Event::RunError { code, .. } => Some((RunState::Failed, code.clone())),
        _ => None,
    }
}
