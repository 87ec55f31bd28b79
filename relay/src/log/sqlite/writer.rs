//! The one writer: takes appends from a queue and commits those that wait together in one transaction.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Followers;
use super::statements::{self, NewRow, Place, execute};
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
/// Takes the write lock at once, so that nothing has to be done again later.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// Conversations whose place the writer knows by heart.
const MAX_PLACES: usize = 4096;

pub type Answer<T> = oneshot::Sender<Result<T, LogError>>;

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

/// An append that waits for its commit.
struct Waiting {
    batch: Batch,
    answer: Answer<Vec<u64>>,
}

/// A batch that is in the open transaction.
struct Taken {
    seqs: Vec<u64>,
    events: Vec<Arc<Record>>,
}

pub struct Writer {
    connection: SqliteConnection,
    followers: Arc<Followers>,
    /// Held as long as the file is written.
    _lock: File,
    places: HashMap<ConversationKey, Place>,
    /// When the last few commits began.
    commits: VecDeque<Instant>,
    synced: bool,
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
                        group.push(Waiting { batch, answer });
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

    async fn commit_group(&mut self, group: Vec<Waiting>) {
        if group.is_empty() {
            return;
        }
        self.commits.push_back(Instant::now());
        if self.commits.len() > BUSY_COMMITS {
            self.commits.pop_front();
        }
        let Err((error, group)) = self.try_commit(group).await else {
            return;
        };
        if group.len() == 1 {
            return refuse(group, &error);
        }
        // One of them may be at fault: each on its own.
        for waiting in group {
            if let Err((error, group)) = self.try_commit(vec![waiting]).await {
                refuse(group, &error);
            }
        }
    }

    /// Commits the group and answers everybody in it, or gives it back with what failed.
    async fn try_commit(&mut self, group: Vec<Waiting>) -> Result<(), (sqlx::Error, Vec<Waiting>)> {
        match self.write(&group).await {
            Ok(outcomes) => {
                for (Waiting { batch, answer }, outcome) in group.into_iter().zip(outcomes) {
                    let seqs = outcome.map(|taken| {
                        self.publish(&batch.conversation, taken.events);
                        taken.seqs
                    });
                    // Who asked may be gone; the records stand all the same.
                    let _ = answer.send(seqs);
                }
                Ok(())
            }
            Err(error) => {
                self.roll_back().await;
                Err((error, group))
            }
        }
    }

    /// Deltas alone are one statement, which is its own transaction; anything more is put into one.
    async fn write(
        &mut self,
        group: &[Waiting],
    ) -> Result<Vec<Result<Taken, LogError>>, sqlx::Error> {
        let synced = group
            .iter()
            .any(|waiting| waiting.batch.durability == Durability::Synced);
        self.set_synced(synced).await?;
        let mut begun = group.iter().any(|waiting| waiting.batch.change.is_some());
        if begun {
            execute(&mut self.connection, BEGIN).await?;
        }
        let mut rows = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        for Waiting { batch, .. } in group {
            outcomes.push(self.take(batch, &mut rows).await?);
        }
        if !begun && rows.len() > statements::MAX_ROWS {
            execute(&mut self.connection, BEGIN).await?;
            begun = true;
        }
        statements::insert(&mut self.connection, &rows).await?;
        if begun {
            execute(&mut self.connection, "COMMIT").await?;
        }
        if self.places.len() > MAX_PLACES {
            self.places.clear();
        }
        Ok(outcomes)
    }

    /// Checks one batch against where its conversation stands, and gives its records their seqs.
    async fn take(
        &mut self,
        batch: &Batch,
        rows: &mut Vec<NewRow>,
    ) -> Result<Result<Taken, LogError>, sqlx::Error> {
        let mut place = match self.place_for(batch).await? {
            Ok(place) => place,
            Err(refused) => return Ok(Err(refused)),
        };
        let run_id: Arc<str> = Arc::from(batch.run_id.as_str());
        let mut taken = Taken {
            seqs: Vec::with_capacity(batch.records.len()),
            events: Vec::new(),
        };
        for new in &batch.records {
            place.last_seq += 1;
            taken.seqs.push(place.last_seq);
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
                taken.events.push(Arc::clone(&record));
            }
            rows.push(NewRow {
                key: place.key,
                record,
            });
        }
        statements::change_run(
            &mut self.connection,
            batch,
            &mut place,
            taken.seqs.first().copied(),
        )
        .await?;
        self.places.insert(batch.conversation.clone(), place);
        Ok(Ok(taken))
    }

    /// Where the batch goes, or why it goes nowhere.
    async fn place_for(&mut self, batch: &Batch) -> Result<Result<Place, LogError>, sqlx::Error> {
        let place = self.place(&batch.conversation).await?;
        let Some(RunChange::Start { title, .. }) = &batch.change else {
            let active = place.filter(|place| place.active_run.as_deref() == Some(&batch.run_id));
            return Ok(active.ok_or(LogError::RunOver));
        };
        let owner = &batch.conversation.owner;
        match statements::known_run(&mut self.connection, owner, &batch.run_id).await? {
            Ok(None) => {}
            Ok(Some(run)) => return Ok(Err(LogError::KnownRun(Box::new(run)))),
            Err(error) => return Ok(Err(error)),
        }
        match place {
            Some(Place {
                active_run: Some(run_id),
                ..
            }) => Ok(Err(LogError::RunActive { run_id })),
            Some(place) => Ok(Ok(place)),
            None => statements::create(&mut self.connection, batch, title)
                .await
                .map(Ok),
        }
    }

    async fn place(
        &mut self,
        conversation: &ConversationKey,
    ) -> Result<Option<Place>, sqlx::Error> {
        match self.places.get(conversation) {
            Some(place) => Ok(Some(place.clone())),
            None => statements::place(&mut self.connection, conversation).await,
        }
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
        execute(&mut self.connection, BEGIN).await?;
        let mut done = statements::fold(
            &mut self.connection,
            &place,
            &conversation.owner,
            run_id,
            folds,
        )
        .await;
        if done.is_ok() {
            done = execute(&mut self.connection, "COMMIT").await;
        }
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    /// FULL syncs the WAL at the commit, and with it all earlier ones; NORMAL leaves that to the checkpoints.
    async fn set_synced(&mut self, synced: bool) -> Result<(), sqlx::Error> {
        if synced != self.synced {
            let sql = if synced {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            };
            execute(&mut self.connection, sql).await?;
            self.synced = synced;
        }
        Ok(())
    }

    async fn roll_back(&mut self) {
        // What was noted in memory is not in the file.
        self.places.clear();
        // Fails only where no transaction is open.
        let _ = execute(&mut self.connection, "ROLLBACK").await;
    }

    /// In the order of the seqs, because only this task commits.
    fn publish(&self, conversation: &ConversationKey, events: Vec<Arc<Record>>) {
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followers.get(conversation) {
            let heard = events.into_iter().all(|event| sender.send(event).is_ok());
            if !heard {
                followers.remove(conversation);
            }
        }
    }
}

fn refuse(group: Vec<Waiting>, error: &sqlx::Error) {
    for waiting in group {
        // Who asked may be gone.
        let _ = waiting
            .answer
            .send(Err(LogError::Unavailable(error.to_string())));
    }
}
