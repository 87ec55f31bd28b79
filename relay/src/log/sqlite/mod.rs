//! The log in one SQLite file: WAL, one writer, a few readers.
//!
//! [`writer`] is the only one who writes, with the SQL of [`statements`]; [`schema`] makes and checks the file. Readers
//! are here.

mod schema;
mod statements;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use persai_protocol::rest::{ConversationSummary, RunState, RunSummary};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, SqlitePool};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::fold::{Fold, Folder, Part, cut};
use super::record::{Kind, Record};
use super::{Batch, ConversationKey, EventLog, Follower, LogError, PAGE_BYTES, RunRow, Slice};
use writer::Command;

/// Events that a follower may be behind before it has to read the log again.
const FOLLOW_CAPACITY: usize = 64;
/// Appends that wait for the writer; more wait in their callers.
const QUEUE: usize = 256;
const READERS: u32 = 3;
/// Channels of conversations that nobody follows any more are swept once there are so many channels.
const MAX_IDLE_FOLLOWERS: usize = 1024;

type Followers = Mutex<HashMap<ConversationKey, broadcast::Sender<Arc<Record>>>>;

/// A handle on the log; the file is closed when the last one is dropped. Cheap to clone.
#[derive(Clone)]
pub struct SqliteLog {
    readers: SqlitePool,
    writer: mpsc::Sender<Command>,
    followers: Arc<Followers>,
}

impl From<sqlx::Error> for LogError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl SqliteLog {
    /// Opens the log at `path`, or makes it, with its folder. Needs a tokio runtime.
    ///
    /// # Errors
    /// It is in use, written by a newer PersAI, not ours, damaged, or cannot be written.
    pub async fn open(path: &Path) -> Result<Self, LogError> {
        let lock = schema::prepare(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-1024");
        let connection = schema::connect(&options, path).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            // A file does not hang up; the test would be one more trip to the reader's thread.
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true).statement_cache_capacity(32));
        let followers = Arc::new(Followers::default());
        let (writer, commands) = mpsc::channel(QUEUE);
        let opened = writer::Writer::open(connection, Arc::clone(&followers), lock).await?;
        tokio::spawn(opened.work(commands));
        Ok(Self {
            readers,
            writer,
            followers,
        })
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Command,
    ) -> Result<T, LogError> {
        let (answer, answered) = oneshot::channel();
        let gone = || LogError::Unavailable("the writer has stopped".to_owned());
        self.writer
            .send(command(answer))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn read_slice(&self, slice: Slice<'_>) -> Result<Vec<Record>, LogError> {
        let mut rows = sqlx::query(
            "SELECT r.v, r.seq, r.at_ms, r.run_id, r.body, r.data, r.parts FROM records r \
             JOIN conversations c ON c.key = r.conversation_key \
             WHERE c.owner = ?1 AND c.id = ?2 AND r.seq > ?3 AND r.kind = ?4 AND (?5 IS NULL OR r.run_id = ?5) \
             ORDER BY r.seq LIMIT ?6",
        )
        .bind(&slice.conversation.owner)
        .bind(&slice.conversation.id)
        .bind(as_i64(slice.after))
        .bind(slice.kind.as_str())
        .bind(slice.run_id)
        .bind(i64::try_from(slice.limit).unwrap_or(i64::MAX))
        .fetch(&self.readers);
        let mut records = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.try_next().await? {
            let record = record_of(&row, slice.kind, slice.after)?;
            bytes += record.size();
            records.push(record);
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Ok(records)
    }

    async fn summaries(
        &self,
        owner: &str,
        id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ConversationSummary>, LogError> {
        let rows = sqlx::query(
            "SELECT c.id, c.title, c.created_at_ms, c.updated_at_ms, \
               MAX(c.last_seq, COALESCE((SELECT MAX(seq) FROM records WHERE conversation_key = c.key), 0)), n.run_id, n.state, n.reason \
             FROM conversations c LEFT JOIN runs n ON n.conversation_key = c.key AND n.first_seq = \
               (SELECT MAX(first_seq) FROM runs WHERE conversation_key = c.key) \
             WHERE c.owner = ?1 AND (?2 IS NULL OR c.id = ?2) ORDER BY c.updated_at_ms DESC, c.key DESC LIMIT ?3",
        )
        .bind(owner)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(summary_of).collect()
    }

    async fn plan_fold(&self, run: &RunRow) -> Result<Vec<Fold>, LogError> {
        let mut folder = Folder::default();
        let mut after = run.first_seq.saturating_sub(1);
        loop {
            let slice = Slice {
                conversation: &run.conversation,
                after,
                run_id: Some(&run.run_id),
                kind: Kind::Agui,
                limit: 256,
            };
            let page = self.read_slice(slice).await?;
            page.iter().for_each(|record| folder.push(record));
            match page.last() {
                Some(last) if run.last_seq != Some(last.seq) => after = last.seq,
                _ => return Ok(folder.finish()),
            }
        }
    }
}

impl EventLog for SqliteLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<u64>, LogError>> {
        self.ask(|answer| Command::Append { batch, answer }).boxed()
    }

    fn read<'a>(&'a self, slice: Slice<'a>) -> BoxFuture<'a, Result<Vec<Record>, LogError>> {
        self.read_slice(slice).boxed()
    }

    fn follow(&self, conversation: &ConversationKey) -> Follower {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if followers.len() >= MAX_IDLE_FOLLOWERS {
            followers.retain(|_, sender| sender.receiver_count() > 0);
        }
        let sender = followers
            .entry(conversation.clone())
            .or_insert_with(|| broadcast::channel(FOLLOW_CAPACITY).0);
        Follower::new(sender.subscribe())
    }

    fn conversations<'a>(
        &'a self,
        owner: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ConversationSummary>, LogError>> {
        self.summaries(owner, None, limit).boxed()
    }

    fn conversation<'a>(
        &'a self,
        key: &'a ConversationKey,
    ) -> BoxFuture<'a, Result<Option<ConversationSummary>, LogError>> {
        async move { Ok(self.summaries(&key.owner, Some(&key.id), 1).await?.pop()) }.boxed()
    }

    fn run<'a>(
        &'a self,
        owner: &'a str,
        run_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RunRow>, LogError>> {
        async move {
            let row = sqlx::query(RUN_BY_ID)
                .bind(owner)
                .bind(run_id)
                .fetch_optional(&self.readers)
                .await?;
            row.as_ref().map(run_of).transpose()
        }
        .boxed()
    }

    fn unsettled_runs(&self) -> BoxFuture<'_, Result<Vec<RunRow>, LogError>> {
        async move {
            let rows = sqlx::query(
                "SELECT c.owner, c.id, n.run_id, n.state, n.reason, n.first_seq, n.last_seq, n.cancel_asked_at_ms \
                 FROM runs n JOIN conversations c ON c.key = n.conversation_key WHERE n.folded = 0",
            )
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(run_of).collect()
        }
        .boxed()
    }

    fn fold<'a>(&'a self, run: &'a RunRow) -> BoxFuture<'a, Result<(), LogError>> {
        async move {
            let folds = self.plan_fold(run).await?;
            let (conversation, run_id) = (run.conversation.clone(), run.run_id.clone());
            self.ask(|answer| Command::Fold {
                conversation,
                run_id,
                folds,
                answer,
            })
            .await
        }
        .boxed()
    }
}

/// Columns in the order that [`run_of`] reads.
const RUN_BY_ID: &str = "SELECT c.owner, c.id, n.run_id, n.state, n.reason, n.first_seq, n.last_seq, n.cancel_asked_at_ms \
     FROM runs n JOIN conversations c ON c.key = n.conversation_key WHERE n.owner = ?1 AND n.run_id = ?2";

fn run_of(row: &SqliteRow) -> Result<RunRow, LogError> {
    Ok(RunRow {
        conversation: ConversationKey {
            owner: row.try_get(0)?,
            id: row.try_get(1)?,
        },
        run_id: row.try_get(2)?,
        state: state_of(row.try_get(3)?)?,
        reason: row.try_get(4)?,
        first_seq: as_u64(row.try_get(5)?),
        last_seq: row.try_get::<Option<i64>, _>(6)?.map(as_u64),
        cancel_asked: row.try_get::<Option<i64>, _>(7)?.is_some(),
    })
}

fn summary_of(row: &SqliteRow) -> Result<ConversationSummary, LogError> {
    let run = match row.try_get::<Option<String>, _>(5)? {
        Some(run_id) => Some(RunSummary {
            run_id,
            state: state_of(row.try_get(6)?)?,
            reason: row.try_get(7)?,
        }),
        None => None,
    };
    Ok(ConversationSummary {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        created_at_ms: row.try_get(2)?,
        updated_at_ms: row.try_get(3)?,
        last_seq: as_u64(row.try_get(4)?),
        run,
    })
}

fn record_of(row: &SqliteRow, kind: Kind, after: u64) -> Result<Record, LogError> {
    let body: &str = row.try_get(4)?;
    let mut body: Arc<str> = Arc::from(body);
    if let Some(parts) = row.try_get::<Option<&str>, _>(6)? {
        let parts: Vec<Part> =
            serde_json::from_str(parts).map_err(|error| damaged("parts", &error))?;
        if let Some(rest) = cut(&body, &parts, after) {
            body = rest;
        }
    }
    Ok(Record {
        v: row.try_get(0)?,
        seq: as_u64(row.try_get(1)?),
        at_ms: row.try_get(2)?,
        run_id: Arc::from(row.try_get::<&str, _>(3)?),
        kind,
        body,
        data: row.try_get::<Option<Vec<u8>>, _>(5)?.map(Arc::new),
    })
}

fn state_text(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::AwaitingCredentials => "awaitingCredentials",
        RunState::Finished => "finished",
        RunState::Interrupted => "interrupted",
        RunState::Cancelled => "cancelled",
        RunState::Failed => "failed",
    }
}

fn state_of(text: &str) -> Result<RunState, LogError> {
    [
        RunState::Running,
        RunState::AwaitingCredentials,
        RunState::Finished,
        RunState::Interrupted,
        RunState::Cancelled,
        RunState::Failed,
    ]
    .into_iter()
    .find(|state| state_text(*state) == text)
    .ok_or_else(|| LogError::Unavailable(format!("damaged: unknown run state {text:?}")))
}

fn damaged(what: &str, error: &dyn std::fmt::Display) -> LogError {
    LogError::Unavailable(format!("damaged {what}: {error}"))
}

/// Seqs count up from 1 and never come near 2^63.
fn as_i64(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn as_u64(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or(0)
}
