//! The agent's events on their way into the log. Deltas of one message or one call's arguments are joined before they
//! get a seq (see [`super::held`]); the order of everything stays.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use persai_agent::ports::{Entry, Journal, JournalError};
use persai_protocol::agui::Event;
use persai_protocol::rest::RunState;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::end_of;
use super::held::{Held, Waiting, is_delta, split};
use super::system::now_ms;
use crate::log::{Batch, ConversationKey, Durability, EventLog, LogError, NewRecord, RunChange};

/// How long a delta waits for the next one. The first one after a pause does not wait.
const MAX_WAIT: Duration = Duration::from_millis(25);
/// Results above this are compressed off the async threads.
const BLOCKING_BYTES: usize = 64 * 1024;

/// The end that a run wrote itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenEnd {
    pub state: RunState,
    pub reason: Option<String>,
    /// Of the run's last event.
    pub seq: u64,
}

/// The journal of one run. Dropping it writes what is still held back.
pub struct RunJournal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    /// For the writer: look at what is held.
    wake: Notify,
    /// For the agent: there is room again.
    room: Notify,
    failed: OnceLock<String>,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunJournal {
    /// The journal, and the task that writes it. The task ends after the journal is dropped, with the run's end, if
    /// one was written.
    #[must_use]
    pub fn open(
        log: Arc<dyn EventLog>,
        conversation: ConversationKey,
        run_id: String,
    ) -> (Self, JoinHandle<Option<WrittenEnd>>) {
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            log,
            conversation,
            run_id,
            records: Vec::new(),
            written_at: None,
            shared: Arc::clone(&shared),
            end: None,
        };
        (Self { shared }, tokio::spawn(writer.work()))
    }

    /// Not waited for: a delta that cannot be written fails the next append.
    async fn add_delta(&self, event: Event) {
        loop {
            let room = self.shared.room.notified();
            tokio::pin!(room);
            // Before the look, so that room made right after it is not missed.
            room.as_mut().enable();
            {
                let mut held = self.shared.held();
                if !held.is_full() {
                    if held.add_delta(event) {
                        self.shared.wake.notify_one();
                    }
                    return;
                }
            }
            room.await;
        }
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        self.shared.held().close();
        self.shared.wake.notify_one();
    }
}

impl Journal for RunJournal {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            if let Some(cause) = self.shared.failed.get() {
                return Err(JournalError(cause.clone()));
            }
            if entries.iter().all(is_delta) {
                for entry in entries {
                    if let Entry::Event(event) = entry {
                        self.add_delta(event).await;
                    }
                }
                return Ok(());
            }
            let (answer, answered) = oneshot::channel();
            self.shared.held().add_entries(entries, answer);
            self.shared.wake.notify_one();
            let gone = |_| JournalError("the journal is closed".to_owned());
            answered.await.map_err(gone)?
        }
        .boxed()
    }
}

struct Writer {
    log: Arc<dyn EventLog>,
    conversation: ConversationKey,
    run_id: String,
    /// For the next batch, in order.
    records: Vec<NewRecord>,
    written_at: Option<Instant>,
    shared: Arc<Shared>,
    end: Option<WrittenEnd>,
}

/// What the writer does next.
enum Next {
    Sleep,
    WaitUntil(Instant),
    Write,
    Stop,
}

impl Writer {
    async fn work(mut self) -> Option<WrittenEnd> {
        let shared = Arc::clone(&self.shared);
        loop {
            match self.next() {
                Next::Sleep => shared.wake.notified().await,
                // Woken or not: the next look tells.
                Next::WaitUntil(due) => {
                    drop(tokio::time::timeout_at(due, shared.wake.notified()).await)
                }
                Next::Write => self.write_held().await,
                Next::Stop => return self.end,
            }
        }
    }

    fn next(&self) -> Next {
        let held = self.shared.held();
        if held.is_empty() {
            return if held.is_closed() {
                Next::Stop
            } else {
                Next::Sleep
            };
        }
        match self.written_at.map(|at| at + MAX_WAIT) {
            Some(due) if !held.is_urgent() && due > Instant::now() => Next::WaitUntil(due),
            _ => Next::Write,
        }
    }

    async fn write_held(&mut self) {
        let waiting = self.shared.held().take();
        self.shared.room.notify_waiters();
        for waiting in waiting {
            match waiting {
                Waiting::Delta(event) => self.hold(event),
                Waiting::Entries { entries, answer } => {
                    let written = self.write_entries(entries).await;
                    // An agent that was aborted does not listen any more.
                    let _ = answer.send(written);
                }
            }
        }
        if !self.records.is_empty() {
            // The error is kept and told at the next append.
            let _ = self.write(None, Durability::Committed).await;
        }
    }

    fn hold(&mut self, event: Event) {
        let pieces = split(event);
        self.records.extend(pieces.iter().map(NewRecord::event));
    }

    async fn write_entries(&mut self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let mut change = None;
        let mut durability = Durability::Committed;
        for entry in entries {
            match entry {
                Entry::Event(event) => {
                    if let Some((state, reason)) = end_of(&event) {
                        change = Some(RunChange::End { state, reason });
                        durability = Durability::Synced;
                    }
                    self.hold(event);
                }
                Entry::Message(message) => {
                    self.records.push(NewRecord::message(&message));
                }
                Entry::Result {
                    tool_call_id,
                    sha256,
                    body,
                } => match pack(tool_call_id, sha256, body).await {
                    Some(record) => self.records.push(record),
                    None => {
                        tracing::debug!(run_id = self.run_id, "a result was too large to keep")
                    }
                },
            }
        }
        self.write(change, durability).await
    }

    async fn write(
        &mut self,
        change: Option<RunChange>,
        durability: Durability,
    ) -> Result<(), JournalError> {
        let batch = Batch {
            conversation: self.conversation.clone(),
            run_id: self.run_id.clone(),
            at_ms: now_ms(),
            records: std::mem::take(&mut self.records),
            change: change.clone(),
            durability,
        };
        self.written_at = Some(Instant::now());
        if let Some(cause) = self.shared.failed.get() {
            // What came before is missing: nothing may follow it.
            return Err(JournalError(cause.clone()));
        }
        match self.log.append(batch).await {
            Ok(seqs) => {
                if let (Some(RunChange::End { state, reason }), Some(seq)) = (change, seqs.last()) {
                    self.end = Some(WrittenEnd {
                        state,
                        reason,
                        seq: *seq,
                    });
                }
                Ok(())
            }
            Err(error) => {
                if error != LogError::RunOver {
                    tracing::error!(%error, run_id = self.run_id, "a run's events could not be written");
                }
                Err(JournalError(
                    self.shared.failed.get_or_init(|| error.to_string()).clone(),
                ))
            }
        }
    }
}

async fn pack(tool_call_id: String, sha256: String, body: Vec<u8>) -> Option<NewRecord> {
    if body.len() <= BLOCKING_BYTES {
        return NewRecord::result(&tool_call_id, &sha256, &body);
    }
    tokio::task::spawn_blocking(move || NewRecord::result(&tool_call_id, &sha256, &body))
        .await
        .ok()
        .flatten()
}
