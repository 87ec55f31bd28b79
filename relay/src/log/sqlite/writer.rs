//! The one writer: takes appends from a queue and commits those that wait together in one transaction.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::Duration;

use persai_protocol::rest::RunState;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Followers, RUN_BY_ID, as_i64, as_u64, run_of, state_text};
use crate::log::fold::Fold;
use crate::log::record::{Kind, RECORD_VERSION, Record};
use crate::log::{Batch, ConversationKey, Durability, LogError, RunChange};

/// Rows of one transaction, about.
const GROUP_ROWS: usize = 512;
/// How long appends are gathered while many come. A lone append never waits.
const GATHER: Duration = Duration::from_millis(4);
/// So many commits within [`BUSY_WINDOW`] mean that many come.
const BUSY_COMMITS: usize = 8;
const BUSY_WINDOW: Duration = Duration::from_millis(24);
/// Conversations whose place the writer knows by heart.
const MAX_PLACES: usize = 4096;

type Answer<T> = oneshot::Sender<Result<T, LogError>>;

pub enum Command {
    Append {
        batch: Batch,
        answer: Answer<Vec<u64>>,
    },
    Fold {
        conversation: ConversationKey,
        run_id: String,
        folds: Vec<Fold>,
        answer: Answer<()>,
    },
}

/// Where a conversation stands. Only this writer changes it, so it can be kept in memory.
#[derive(Clone)]
struct Place {
    key: i64,
    last_seq: u64,
    active_run: Option<String>,
}

pub struct Writer {
    connection: SqliteConnection,
    followers: Arc<Followers>,
    /// Held as long as the file is written.
    _lock: File,
    places: HashMap<ConversationKey, Place>,
    commits: VecDeque<Instant>,
    synced: bool,
}

/// A batch that was taken into the open transaction.
struct Taken {
    answer: Answer<Vec<u64>>,
    seqs: Vec<u64>,
    conversation: ConversationKey,
    events: Vec<Arc<Record>>,
}

/// A row of the open transaction that is still to be inserted.
struct NewRow {
    key: i64,
    record: Arc<Record>,
}

impl Writer {
    pub fn new(connection: SqliteConnection, followers: Arc<Followers>, lock: File) -> Self {
        Self {
            connection,
            followers,
            _lock: lock,
            places: HashMap::new(),
            commits: VecDeque::new(),
            synced: false,
        }
    }

    pub async fn work(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.recv().await {
            if self.is_busy() {
                tokio::time::sleep(GATHER).await;
            }
            let mut group = Vec::new();
            let mut rows = 0;
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Append { batch, answer } => {
                        rows += batch.records.len();
                        group.push((batch, answer));
                    }
                    Command::Fold {
                        conversation,
                        run_id,
                        folds,
                        answer,
                    } => {
                        // Appends that came before go first.
                        self.commit_group(std::mem::take(&mut group)).await;
                        let folded = self.fold(&conversation, &run_id, &folds).await;
                        // Who asked may be gone; the fold stands all the same.
                        let _ = answer.send(folded.map_err(LogError::from));
                    }
                }
                if rows < GROUP_ROWS {
                    next = commands.try_recv().ok();
                }
            }
            self.commit_group(group).await;
        }
        // The last handle is gone: a clean close leaves one file without a WAL.
        let _ = sqlx::Connection::close(self.connection).await;
    }

    fn is_busy(&self) -> bool {
        self.commits.len() >= BUSY_COMMITS
            && self
                .commits
                .front()
                .is_some_and(|at| at.elapsed() < BUSY_WINDOW)
    }

    async fn commit_group(&mut self, group: Vec<(Batch, Answer<Vec<u64>>)>) {
        if group.is_empty() {
            return;
        }
        self.commits.push_back(Instant::now());
        if self.commits.len() > BUSY_COMMITS {
            self.commits.pop_front();
        }
        let group = match self.try_commit(group).await {
            Ok(()) => return,
            Err((error, group)) if group.len() == 1 => return refuse(group, &error),
            Err((_, group)) => group,
        };
        // One of them may be at fault: each on its own.
        for single in group {
            if let Err((error, group)) = self.try_commit(vec![single]).await {
                refuse(group, &error);
            }
        }
    }

    /// Commits the group and answers everybody in it, or gives it back with what failed.
    async fn try_commit(
        &mut self,
        group: Vec<(Batch, Answer<Vec<u64>>)>,
    ) -> Result<(), (sqlx::Error, Vec<(Batch, Answer<Vec<u64>>)>)> {
        let mut outcomes = Vec::with_capacity(group.len());
        let written = self
            .write(group.iter().map(|(batch, _)| batch), &mut outcomes)
            .await;
        if let Err(error) = written {
            // What was noted in memory is not in the file. A rollback fails only where no transaction is open.
            self.places.clear();
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
            return Err((error, group));
        }
        for ((batch, answer), outcome) in group.into_iter().zip(outcomes) {
            match outcome {
                Ok((seqs, events)) => {
                    self.publish(Taken {
                        answer,
                        seqs,
                        conversation: batch.conversation,
                        events,
                    });
                }
                Err(error) => drop(answer.send(Err(error))),
            }
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    async fn write(
        &mut self,
        batches: impl Iterator<Item = &Batch> + Clone,
        outcomes: &mut Vec<Result<(Vec<u64>, Vec<Arc<Record>>), LogError>>,
    ) -> Result<(), sqlx::Error> {
        let synced = batches
            .clone()
            .any(|batch| batch.durability == Durability::Synced);
        self.set_synced(synced).await?;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut self.connection)
            .await?;
        let mut rows = Vec::new();
        let mut touched = HashSet::new();
        let mut at_ms = HashMap::new();
        for batch in batches {
            outcomes.push(self.take(batch, &mut rows).await?.inspect(|_| {
                touched.insert(batch.conversation.clone());
                at_ms.insert(batch.conversation.clone(), batch.at_ms);
            }));
        }
        self.insert(&rows).await?;
        for conversation in &touched {
            let (Some(place), Some(at_ms)) =
                (self.places.get(conversation), at_ms.get(conversation))
            else {
                continue;
            };
            sqlx::query(
                "UPDATE conversations SET last_seq = ?1, updated_at_ms = ?2 WHERE key = ?3",
            )
            .bind(as_i64(place.last_seq))
            .bind(at_ms)
            .bind(place.key)
            .execute(&mut self.connection)
            .await?;
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        if self.places.len() > MAX_PLACES {
            self.places.clear();
        }
        Ok(())
    }

    /// Checks one batch against where its conversation stands, and gives its records their seqs.
    #[allow(clippy::type_complexity)]
    async fn take(
        &mut self,
        batch: &Batch,
        rows: &mut Vec<NewRow>,
    ) -> Result<Result<(Vec<u64>, Vec<Arc<Record>>), LogError>, sqlx::Error> {
        let place = self.place(&batch.conversation).await?;
        let mut place = match (&batch.change, place) {
            (Some(RunChange::Start { title, .. }), place) => {
                let known = sqlx::query(RUN_BY_ID)
                    .bind(&batch.conversation.owner)
                    .bind(&batch.run_id)
                    .fetch_optional(&mut self.connection)
                    .await?;
                if let Some(row) = known {
                    return Ok(Err(run_of(&row).map_or_else(
                        |error| error,
                        |run| LogError::KnownRun(Box::new(run)),
                    )));
                }
                match place {
                    Some(Place {
                        active_run: Some(run_id),
                        ..
                    }) => return Ok(Err(LogError::RunActive { run_id })),
                    Some(place) => place,
                    None => self.create(batch, title).await?,
                }
            }
            (_, Some(place)) if place.active_run.as_deref() == Some(&batch.run_id) => place,
            _ => return Ok(Err(LogError::RunOver)),
        };

        let run_id: Arc<str> = Arc::from(batch.run_id.as_str());
        let mut seqs = Vec::with_capacity(batch.records.len());
        let mut events = Vec::new();
        for new in &batch.records {
            place.last_seq += 1;
            seqs.push(place.last_seq);
            let record = Arc::new(Record {
                v: RECORD_VERSION,
                seq: place.last_seq,
                at_ms: batch.at_ms,
                run_id: Arc::clone(&run_id),
                kind: new.kind,
                body: Arc::clone(&new.body),
                data: new.data.clone(),
            });
            if record.kind == Kind::Agui {
                events.push(Arc::clone(&record));
            }
            rows.push(NewRow {
                key: place.key,
                record,
            });
        }
        self.change_run(batch, &mut place, seqs.first().copied())
            .await?;
        self.places.insert(batch.conversation.clone(), place);
        Ok(Ok((seqs, events)))
    }

    async fn change_run(
        &mut self,
        batch: &Batch,
        place: &mut Place,
        first_seq: Option<u64>,
    ) -> Result<(), sqlx::Error> {
        let owner = &batch.conversation.owner;
        match &batch.change {
            None => {}
            Some(RunChange::Start { parent_run_id, .. }) => {
                sqlx::query(
                    "INSERT INTO runs (owner, run_id, conversation_key, parent_run_id, state, first_seq, started_at_ms) \
                     VALUES (?1, ?2, ?3, COALESCE(?4, (SELECT run_id FROM runs WHERE conversation_key = ?3 \
                       AND state = 'finished' ORDER BY first_seq DESC LIMIT 1)), ?5, ?6, ?7)",
                )
                .bind(owner)
                .bind(&batch.run_id)
                .bind(place.key)
                .bind(parent_run_id.as_deref())
                .bind(state_text(RunState::Running))
                .bind(as_i64(first_seq.unwrap_or(place.last_seq + 1)))
                .bind(batch.at_ms)
                .execute(&mut self.connection)
                .await?;
                place.active_run = Some(batch.run_id.clone());
            }
            Some(RunChange::CancelAsked) => {
                sqlx::query(
                    "UPDATE runs SET cancel_asked_at_ms = COALESCE(cancel_asked_at_ms, ?1) WHERE owner = ?2 AND run_id = ?3",
                )
                .bind(batch.at_ms)
                .bind(owner)
                .bind(&batch.run_id)
                .execute(&mut self.connection)
                .await?;
            }
            Some(RunChange::End { state, reason }) => {
                sqlx::query(
                    "UPDATE runs SET state = ?1, reason = ?2, ended_at_ms = ?3, last_seq = ?4 WHERE owner = ?5 AND run_id = ?6",
                )
                .bind(state_text(*state))
                .bind(reason.as_deref())
                .bind(batch.at_ms)
                .bind(as_i64(place.last_seq))
                .bind(owner)
                .bind(&batch.run_id)
                .execute(&mut self.connection)
                .await?;
                place.active_run = None;
            }
        }
        Ok(())
    }

    async fn place(
        &mut self,
        conversation: &ConversationKey,
    ) -> Result<Option<Place>, sqlx::Error> {
        if let Some(place) = self.places.get(conversation) {
            return Ok(Some(place.clone()));
        }
        let row: Option<(i64, i64, Option<String>)> = sqlx::query_as(
            "SELECT key, last_seq, (SELECT run_id FROM runs WHERE conversation_key = key AND ended_at_ms IS NULL) \
             FROM conversations WHERE owner = ?1 AND id = ?2",
        )
        .bind(&conversation.owner)
        .bind(&conversation.id)
        .fetch_optional(&mut self.connection)
        .await?;
        Ok(row.map(|(key, last_seq, active_run)| Place {
            key,
            last_seq: as_u64(last_seq),
            active_run,
        }))
    }

    async fn create(&mut self, batch: &Batch, title: &str) -> Result<Place, sqlx::Error> {
        let key = sqlx::query(
            "INSERT INTO conversations (owner, id, title, created_at_ms, updated_at_ms, last_seq) VALUES (?1, ?2, ?3, ?4, ?4, 0)",
        )
        .bind(&batch.conversation.owner)
        .bind(&batch.conversation.id)
        .bind(title)
        .bind(batch.at_ms)
        .execute(&mut self.connection)
        .await?
        .last_insert_rowid();
        Ok(Place {
            key,
            last_seq: 0,
            active_run: None,
        })
    }

    async fn insert(&mut self, rows: &[NewRow]) -> Result<(), sqlx::Error> {
        let mut rest = rows;
        // Few statements for many rows: a few sizes, each prepared once.
        for (size, sql) in INSERTS.iter() {
            while rest.len() >= *size {
                let (chunk, after) = rest.split_at(*size);
                let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
                for NewRow { key, record } in chunk {
                    query = query
                        .bind(key)
                        .bind(as_i64(record.seq))
                        .bind(record.v)
                        .bind(record.at_ms)
                        .bind(Arc::clone(&record.run_id))
                        .bind(record.kind.as_str())
                        .bind(Arc::clone(&record.body))
                        .bind(record.data.as_deref().map(Vec::as_slice));
                }
                query.execute(&mut self.connection).await?;
                rest = after;
            }
        }
        Ok(())
    }

    async fn fold(
        &mut self,
        conversation: &ConversationKey,
        run_id: &str,
        folds: &[Fold],
    ) -> Result<(), sqlx::Error> {
        let Some(place) = self.place(conversation).await? else {
            return Ok(());
        };
        self.set_synced(false).await?;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut self.connection)
            .await?;
        let written = self
            .write_folds(place.key, &conversation.owner, run_id, folds)
            .await;
        let end = if written.is_ok() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        let ended = sqlx::query(end).execute(&mut self.connection).await;
        written.and(ended.map(|_| ()))
    }

    async fn write_folds(
        &mut self,
        key: i64,
        owner: &str,
        run_id: &str,
        folds: &[Fold],
    ) -> Result<(), sqlx::Error> {
        for fold in folds {
            let removed = serde_json::to_string(&fold.removed).unwrap_or_else(|_| "[]".to_owned());
            let parts = serde_json::to_string(&fold.parts).unwrap_or_else(|_| "[]".to_owned());
            sqlx::query(
                "DELETE FROM records WHERE conversation_key = ?1 AND seq IN (SELECT value FROM json_each(?2))",
            )
            .bind(key)
            .bind(removed)
            .execute(&mut self.connection)
            .await?;
            sqlx::query(
                "UPDATE records SET body = ?1, parts = ?2 WHERE conversation_key = ?3 AND seq = ?4",
            )
            .bind(Arc::clone(&fold.body))
            .bind(parts)
            .bind(key)
            .bind(as_i64(fold.seq))
            .execute(&mut self.connection)
            .await?;
        }
        sqlx::query("UPDATE runs SET folded = 1 WHERE owner = ?1 AND run_id = ?2 AND ended_at_ms IS NOT NULL")
            .bind(owner)
            .bind(run_id)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// FULL syncs the WAL at each commit, and with it all earlier ones; NORMAL leaves that to the checkpoints.
    async fn set_synced(&mut self, synced: bool) -> Result<(), sqlx::Error> {
        if synced != self.synced {
            let sql = if synced {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            };
            sqlx::query(sql).execute(&mut self.connection).await?;
            self.synced = synced;
        }
        Ok(())
    }

    /// In the order of the seqs, because only this task commits.
    fn publish(&self, taken: Taken) {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followers.get(&taken.conversation) {
            let heard = taken
                .events
                .into_iter()
                .all(|event| sender.send(event).is_ok());
            if !heard && sender.receiver_count() == 0 {
                followers.remove(&taken.conversation);
            }
        }
        drop(followers);
        // Who asked may be gone; the records stand all the same.
        let _ = taken.answer.send(Ok(taken.seqs));
    }
}

fn refuse(group: Vec<(Batch, Answer<Vec<u64>>)>, error: &sqlx::Error) {
    for (_, answer) in group {
        // Who asked may be gone.
        let _ = answer.send(Err(LogError::Unavailable(error.to_string())));
    }
}

/// Sizes of the inserts, largest first, with their statements.
static INSERTS: LazyLock<[(usize, Arc<str>); 4]> = LazyLock::new(|| {
    [64, 16, 4, 1].map(|size| {
        let values = vec!["(?, ?, ?, ?, ?, ?, ?, ?)"; size].join(", ");
        let sql =
            format!("INSERT INTO records (conversation_key, seq, v, at_ms, run_id, kind, body, data) VALUES {values}");
        (size, Arc::from(sql))
    })
});
