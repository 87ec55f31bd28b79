//! The one writer: takes appends from a queue and commits those that wait together in one transaction.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Followers;
use super::statements::{self, Changed, NewRow, Place, Script};
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
const BEGIN: &str = "BEGIN IMMEDIATE;";
const COMMIT: &str = "COMMIT;";
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
    /// Whether the connection syncs its commits; absent after a failure.
    synced: Option<bool>,
    /// Of the next new conversation. Never given twice: after a failure it is not taken back.
    next_key: i64,
}

impl Writer {
    /// # Errors
    /// The file cannot be read.
    pub async fn open(
        mut connection: SqliteConnection,
        followers: Arc<Followers>,
        lock: File,
    ) -> Result<Self, sqlx::Error> {
        let next_key = statements::next_key(&mut connection).await?;
        Ok(Self {
            connection,
            followers,
            _lock: lock,
            places: HashMap::new(),
            commits: VecDeque::new(),
            synced: None,
            next_key,
        })
    }

    pub async fn work(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.recv().await {
            if self.is_busy() {
                tokio::time::sleep(GATHER).await;
            }
            let mut group: Vec<Waiting> = Vec::new();
            let mut rows = 0;
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Append { batch, answer } => {
                        if group
                            .iter()
                            .any(|waiting| same_start(&waiting.batch, &batch))
                        {
                            // The later one is told of the earlier one's run, once that is there.
                            self.commit_group(std::mem::take(&mut group)).await;
                        }
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
        let mut rows = Vec::new();
        let mut changes = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        for Waiting { batch, .. } in group {
            outcomes.push(self.take(batch, &mut rows, &mut changes).await?);
        }
        let synced = group
            .iter()
            .any(|waiting| waiting.batch.durability == Durability::Synced);
        let many = !changes.is_empty() || rows.len() > statements::MAX_ROWS;
        let mut script = self.script(synced);
        if many {
            script.add(BEGIN);
        }
        // Sent in parts that come again, so that their texts stay few.
        for change in &changes {
            change.add_to(&mut script);
            script.send(&mut self.connection).await?;
        }
        for rows in rows.chunks(statements::MAX_ROWS) {
            if many {
                script.send(&mut self.connection).await?;
            }
            statements::insert(&mut script, rows);
        }
        if many {
            script.add(COMMIT);
        }
        script.send(&mut self.connection).await?;
        self.synced = Some(synced);
        if self.places.len() > MAX_PLACES {
            self.places.clear();
        }
        Ok(outcomes)
    }

    /// Checks one batch against where its conversation stands, and gives its records their seqs.
    async fn take<'a>(
        &mut self,
        batch: &'a Batch,
        rows: &mut Vec<NewRow>,
        changes: &mut Vec<Changed<'a>>,
    ) -> Result<Result<Taken, LogError>, sqlx::Error> {
        let known = match self.place_for(batch).await? {
            Ok(place) => place,
            Err(refused) => return Ok(Err(refused)),
        };
        let new_conversation = known.is_none();
        let mut place = known.unwrap_or_else(|| self.new_place());
        let first_seq = place.last_seq + 1;
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
        match &batch.change {
            Some(RunChange::Start { .. }) => place.active_run = Some(batch.run_id.clone()),
            Some(RunChange::End { .. }) => place.active_run = None,
            Some(RunChange::CancelAsked) | None => {}
        }
        changes.extend(batch.change.as_ref().map(|change| Changed {
            batch,
            change,
            place: place.clone(),
            first_seq,
            new_conversation,
        }));
        self.places.insert(batch.conversation.clone(), place);
        Ok(Ok(taken))
    }

    /// Where the batch goes, or why it goes nowhere; `None` where its conversation is still to be made.
    async fn place_for(
        &mut self,
        batch: &Batch,
    ) -> Result<Result<Option<Place>, LogError>, sqlx::Error> {
        let mut place = self.places.get(&batch.conversation).cloned();
        let starts = matches!(batch.change, Some(RunChange::Start { .. }));
        if starts || place.is_none() {
            let (read, run_is_known) =
                statements::look(&mut self.connection, &batch.conversation, &batch.run_id).await?;
            if starts && run_is_known {
                let owner = &batch.conversation.owner;
                let run = statements::known_run(&mut self.connection, owner, &batch.run_id).await?;
                return Ok(Err(run.map_or_else(
                    |error| error,
                    |run| LogError::KnownRun(Box::new(run)),
                )));
            }
            // What is in memory may be ahead of the file, by what is still to be written.
            place = place.or(read);
        }
        let active_run = place.as_ref().and_then(|place| place.active_run.as_ref());
        match (starts, active_run) {
            (true, None) => Ok(Ok(place)),
            (true, Some(run_id)) => Ok(Err(LogError::RunActive {
                run_id: run_id.clone(),
            })),
            (false, Some(run_id)) if *run_id == batch.run_id => Ok(Ok(place)),
            (false, _) => Ok(Err(LogError::RunOver)),
        }
    }

    fn new_place(&mut self) -> Place {
        let key = self.next_key;
        self.next_key += 1;
        Place {
            key,
            last_seq: 0,
            active_run: None,
        }
    }

    async fn fold(
        &mut self,
        conversation: &ConversationKey,
        run_id: &str,
        folds: &[Fold],
    ) -> Result<(), sqlx::Error> {
        let done = self.try_fold(conversation, run_id, folds).await;
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    async fn try_fold(
        &mut self,
        conversation: &ConversationKey,
        run_id: &str,
        folds: &[Fold],
    ) -> Result<(), sqlx::Error> {
        let key = match self.places.get(conversation) {
            Some(place) => place.key,
            None => match statements::look(&mut self.connection, conversation, run_id).await? {
                (Some(place), _) => place.key,
                (None, _) => return Ok(()),
            },
        };
        let mut script = self.script(false);
        script.add(BEGIN);
        for (index, fold) in folds.iter().enumerate() {
            if index > 0 {
                script.send(&mut self.connection).await?;
            }
            statements::fold(&mut script, key, fold);
        }
        statements::folded(&mut script, &conversation.owner, run_id);
        script.add(COMMIT).send(&mut self.connection).await?;
        self.synced = Some(false);
        Ok(())
    }

    /// FULL syncs the WAL at the commit, and with it all earlier ones; NORMAL leaves that to the checkpoints.
    fn script(&self, synced: bool) -> Script {
        let mut script = Script::default();
        if self.synced != Some(synced) {
            script.add(if synced {
                "PRAGMA synchronous = FULL;"
            } else {
                "PRAGMA synchronous = NORMAL;"
            });
        }
        script
    }

    async fn roll_back(&mut self) {
        // What was noted in memory is not in the file.
        self.places.clear();
        self.synced = None;
        // Fails only where no transaction is open.
        let _ = Script::default()
            .add("ROLLBACK;")
            .send(&mut self.connection)
            .await;
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

/// Whether both start the same run. Where else two batches meet, the place in memory tells.
fn same_start(one: &Batch, other: &Batch) -> bool {
    let starts = |batch: &Batch| matches!(batch.change, Some(RunChange::Start { .. }));
    starts(one)
        && starts(other)
        && one.run_id == other.run_id
        && one.conversation.owner == other.conversation.owner
}

fn refuse(group: Vec<Waiting>, error: &sqlx::Error) {
    for waiting in group {
        // Who asked may be gone.
        let _ = waiting
            .answer
            .send(Err(LogError::Unavailable(error.to_string())));
    }
}
