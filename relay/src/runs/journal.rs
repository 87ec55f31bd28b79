//! The agent's events on their way into the log. Deltas of one message or one call's arguments are joined before they
//! get a seq; the order of everything stays.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use persai_agent::ports::{Entry, Journal, JournalError};
use persai_protocol::agui::Event;
use persai_protocol::rest::RunState;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::end_of;
use super::system::now_ms;
use crate::log::{Batch, ConversationKey, Durability, EventLog, LogError, NewRecord, RunChange};

/// How long a delta waits for the next one. The first one after a pause does not wait.
const MAX_WAIT: Duration = Duration::from_millis(25);
/// Characters after which a joined delta is written.
const MAX_CHARS: usize = 256;
/// A larger delta is split, so that events stay bounded.
const MAX_DELTA_BYTES: usize = 64 * 1024;
/// Deltas that wait for the log; more make the agent wait.
const QUEUE: usize = 64;
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
    sender: mpsc::Sender<Message>,
    failed: Arc<OnceLock<String>>,
}

enum Message {
    Delta(Event),
    Entries {
        entries: Vec<Entry>,
        answer: oneshot::Sender<Result<(), JournalError>>,
    },
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
        let (sender, messages) = mpsc::channel(QUEUE);
        let failed = Arc::new(OnceLock::new());
        let writer = Writer {
            log,
            conversation,
            run_id,
            records: Vec::new(),
            open: None,
            open_chars: 0,
            written_at: None,
            failed: Arc::clone(&failed),
            end: None,
        };
        (Self { sender, failed }, tokio::spawn(writer.work(messages)))
    }
}

impl Journal for RunJournal {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            if let Some(cause) = self.failed.get() {
                return Err(JournalError(cause.clone()));
            }
            let gone = || JournalError("the journal is closed".to_owned());
            if entries.iter().all(is_delta) {
                // Not waited for: a delta that cannot be written fails the next append.
                for entry in entries {
                    if let Entry::Event(event) = entry {
                        self.sender
                            .send(Message::Delta(event))
                            .await
                            .map_err(|_| gone())?;
                    }
                }
                return Ok(());
            }
            let (answer, answered) = oneshot::channel();
            self.sender
                .send(Message::Entries { entries, answer })
                .await
                .map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        }
        .boxed()
    }
}

fn is_delta(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Event(Event::TextMessageContent { .. } | Event::ToolCallArgs { .. })
    )
}

struct Writer {
    log: Arc<dyn EventLog>,
    conversation: ConversationKey,
    run_id: String,
    /// Held back, in order; `open` comes after them.
    records: Vec<NewRecord>,
    /// The delta that still grows.
    open: Option<Event>,
    open_chars: usize,
    written_at: Option<Instant>,
    failed: Arc<OnceLock<String>>,
    end: Option<WrittenEnd>,
}

impl Writer {
    async fn work(mut self, mut messages: mpsc::Receiver<Message>) -> Option<WrittenEnd> {
        loop {
            let message = match self.deadline() {
                None => messages.recv().await,
                Some(deadline) => match tokio::time::timeout_at(deadline, messages.recv()).await {
                    Ok(message) => message,
                    Err(_) => {
                        self.write_deltas().await;
                        continue;
                    }
                },
            };
            match message {
                Some(Message::Delta(event)) => {
                    self.add_delta(event);
                    if self.open_chars >= MAX_CHARS {
                        self.write_deltas().await;
                    }
                }
                Some(Message::Entries { entries, answer }) => {
                    let written = self.write_entries(entries).await;
                    // An agent that was aborted does not listen any more.
                    let _ = answer.send(written);
                }
                None => {
                    self.write_deltas().await;
                    return self.end;
                }
            }
        }
    }

    /// When what is held back is written; `None` while nothing is.
    fn deadline(&self) -> Option<Instant> {
        let waiting = self.open.is_some() || !self.records.is_empty();
        waiting.then(|| {
            self.written_at
                .map_or_else(Instant::now, |at| at + MAX_WAIT)
        })
    }

    fn add_delta(&mut self, event: Event) {
        if let (Some(open), Some((_, delta))) = (&mut self.open, delta_of(&event))
            && let Some(joined) = joined_delta(open, &event)
            && joined.len() + delta.len() <= MAX_DELTA_BYTES
        {
            self.open_chars += delta.chars().count();
            joined.push_str(delta);
            return;
        }
        self.close_open();
        for piece in split(event) {
            self.close_open();
            self.open_chars = delta_of(&piece).map_or(0, |(_, delta)| delta.chars().count());
            self.open = Some(piece);
        }
    }

    fn close_open(&mut self) {
        if let Some(event) = self.open.take() {
            self.records.push(NewRecord::event(&event));
        }
        self.open_chars = 0;
    }

    async fn write_deltas(&mut self) {
        self.close_open();
        if !self.records.is_empty() {
            // The error is kept and told at the next append.
            let _ = self.write(None, Durability::Committed).await;
        }
    }

    async fn write_entries(&mut self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let mut change = None;
        let mut durability = Durability::Committed;
        for entry in entries {
            match entry {
                Entry::Event(
                    event @ (Event::TextMessageContent { .. } | Event::ToolCallArgs { .. }),
                ) => {
                    self.add_delta(event);
                    continue;
                }
                Entry::Event(event) => {
                    self.close_open();
                    if let Some((state, reason)) = end_of(&event) {
                        change = Some(RunChange::End { state, reason });
                        durability = Durability::Synced;
                    }
                    self.records.push(NewRecord::event(&event));
                }
                Entry::Message(message) => {
                    self.close_open();
                    self.records.push(NewRecord::message(&message));
                }
                Entry::Result {
                    tool_call_id,
                    sha256,
                    body,
                } => {
                    self.close_open();
                    match pack(tool_call_id, sha256, body).await {
                        Some(record) => self.records.push(record),
                        None => {
                            tracing::debug!(run_id = self.run_id, "a result was too large to keep")
                        }
                    }
                }
            }
        }
        self.close_open();
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
        if let Some(cause) = self.failed.get() {
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
                    self.failed.get_or_init(|| error.to_string()).clone(),
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

fn delta_of(event: &Event) -> Option<(&str, &str)> {
    match event {
        Event::TextMessageContent { message_id, delta } => Some((message_id, delta)),
        Event::ToolCallArgs {
            tool_call_id,
            delta,
        } => Some((tool_call_id, delta)),
        _ => None,
    }
}

/// The growing delta, where `next` continues it.
fn joined_delta<'a>(open: &'a mut Event, next: &Event) -> Option<&'a mut String> {
    match (open, next) {
        (
            Event::TextMessageContent { message_id, delta },
            Event::TextMessageContent {
                message_id: same, ..
            },
        ) if message_id == same => Some(delta),
        (
            Event::ToolCallArgs {
                tool_call_id,
                delta,
            },
            Event::ToolCallArgs {
                tool_call_id: same, ..
            },
        ) if tool_call_id == same => Some(delta),
        _ => None,
    }
}

/// A delta in pieces of at most [`MAX_DELTA_BYTES`].
fn split(event: Event) -> Vec<Event> {
    let Some((_, delta)) = delta_of(&event) else {
        return vec![event];
    };
    if delta.len() <= MAX_DELTA_BYTES {
        return vec![event];
    }
    let mut pieces = Vec::new();
    let mut rest = delta;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_DELTA_BYTES));
        rest = after;
        pieces.push(match &event {
            Event::ToolCallArgs { tool_call_id, .. } => Event::ToolCallArgs {
                tool_call_id: tool_call_id.clone(),
                delta: piece.to_owned(),
            },
            Event::TextMessageContent { message_id, .. } => Event::TextMessageContent {
                message_id: message_id.clone(),
                delta: piece.to_owned(),
            },
            other => other.clone(),
        });
    }
    pieces
}
