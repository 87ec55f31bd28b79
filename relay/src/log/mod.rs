//! The conversation log: an append-only list of records per conversation, and the projections made of it.
//!
//! Where to start: [`EventLog`], the storage trait. [`record`]: what is stored. [`fold`]: how the deltas of an ended
//! run become one record. [`sqlite`]: the default storage.

pub mod fold;
pub mod record;
pub mod sqlite;

use std::sync::Arc;

use futures::future::BoxFuture;
use persai_protocol::rest::{ConversationSummary, RunState, RunSummary};
use tokio::sync::broadcast;

pub use record::{Kind, NewRecord, Record};

/// Names a conversation. Another owner's conversation of the same id is another conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    pub owner: String,
    pub id: String,
}

/// What must hold once an append has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Survives the death of the process.
    Committed,
    /// Survives power loss too: it is on the disk.
    Synced,
}

/// Records of one run, written as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    pub conversation: ConversationKey,
    pub run_id: String,
    /// UTC milliseconds.
    pub at_ms: i64,
    pub records: Vec<NewRecord>,
    pub change: Option<RunChange>,
    pub durability: Durability,
}

/// What a batch does to its run beside adding records. A conversation comes to be with its first run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunChange {
    /// Needs at least one record; the first one's seq is where the run starts.
    Start {
        title: String,
        parent_run_id: Option<String>,
    },
    CancelAsked,
    /// Nothing can be appended to the run afterwards.
    End {
        state: RunState,
        reason: Option<String>,
    },
}

/// What the log knows of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    pub conversation: ConversationKey,
    pub run_id: String,
    pub state: RunState,
    pub reason: Option<String>,
    pub first_seq: u64,
    /// Seq of its last record, once it has ended.
    pub last_seq: Option<u64>,
    pub cancel_asked: bool,
}

impl RunRow {
    #[must_use]
    pub fn summary(&self) -> RunSummary {
        RunSummary {
            run_id: self.run_id.clone(),
            state: self.state,
            reason: self.reason.clone(),
        }
    }

    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.last_seq.is_some()
    }
}

/// What to read: records of `conversation` with a seq greater than `after`, in order.
#[derive(Debug, Clone)]
pub struct Slice<'a> {
    pub conversation: &'a ConversationKey,
    pub after: u64,
    /// Absent: of all runs.
    pub run_id: Option<&'a str>,
    pub kind: Kind,
    /// At most so many records; fewer come where they are big (see [`PAGE_BYTES`]), and at the end.
    pub limit: usize,
}

impl Slice<'_> {
    /// Whether nothing came after `page`, the answer to this slice, when it was read.
    #[must_use]
    pub fn ends_with(&self, page: &[Record]) -> bool {
        page.len() < self.limit && page.iter().map(Record::size).sum::<usize>() < PAGE_BYTES
    }
}

/// A read stops once its bodies have reached so many bytes, so that a slow reader holds little memory.
pub const PAGE_BYTES: usize = 64 * 1024;

/// Storage of conversations. Everything is keyed by owner; what belongs to somebody else does not exist.
pub trait EventLog: Send + Sync + 'static {
    /// Writes a batch and gives its records their seqs: per conversation, rising, never reused.
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<u64>, LogError>>;

    /// Reads committed records. A folded record comes without the part that the reader has already (`after` may be
    /// the seq of any delta that was ever sent).
    fn read<'a>(&'a self, slice: Slice<'a>) -> BoxFuture<'a, Result<Vec<Record>, LogError>>;

    /// Events (kind `agui`) that are committed from now on.
    fn follow(&self, conversation: &ConversationKey) -> Follower;

    /// Newest first, at most `limit`.
    fn conversations<'a>(
        &'a self,
        owner: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ConversationSummary>, LogError>>;

    fn conversation<'a>(
        &'a self,
        key: &'a ConversationKey,
    ) -> BoxFuture<'a, Result<Option<ConversationSummary>, LogError>>;

    fn run<'a>(
        &'a self,
        owner: &'a str,
        run_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RunRow>, LogError>>;

    /// Runs that a crash left behind: without an end, or ended and not yet folded.
    fn unsettled_runs(&self) -> BoxFuture<'_, Result<Vec<RunRow>, LogError>>;

    /// Joins the deltas of an ended run. Changes nothing that a reader can tell.
    fn fold<'a>(&'a self, run: &'a RunRow) -> BoxFuture<'a, Result<(), LogError>>;
}

/// Why the log did not do what it was asked to. Nothing of the batch was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    #[error("a run of this id exists already")]
    KnownRun(Box<RunRow>),
    #[error("another run of this conversation is active: {run_id}")]
    RunActive { run_id: String },
    #[error("the run has ended, or was never started")]
    RunOver,
    #[error(
        "the log at {path} was written by a newer PersAI (format {found}; this one knows up to {known}). Install that version again, or point data_dir at an empty folder"
    )]
    TooNew {
        path: String,
        found: i64,
        known: i64,
    },
    #[error("the file at {path} is not a PersAI log")]
    Foreign { path: String },
    #[error("the log at {path} is in use by another relay")]
    InUse { path: String },
    /// The storage itself failed; the text is for the operator.
    #[error("the log cannot be read or written: {0}")]
    Unavailable(String),
}

/// Receives a conversation's events as they are committed.
pub struct Follower {
    receiver: broadcast::Receiver<Arc<Record>>,
}

/// What a [`Follower`] says.
pub enum Followed {
    Record(Arc<Record>),
    /// It was too slow and missed some: read the log again from where it stands.
    Behind,
    /// The log is closed.
    Closed,
}

impl Follower {
    #[must_use]
    pub fn new(receiver: broadcast::Receiver<Arc<Record>>) -> Self {
        Self { receiver }
    }

    pub async fn next(&mut self) -> Followed {
        match self.receiver.recv().await {
            Ok(record) => Followed::Record(record),
            Err(broadcast::error::RecvError::Lagged(_)) => Followed::Behind,
            Err(broadcast::error::RecvError::Closed) => Followed::Closed,
        }
    }
}
