//! Every run gets an honest end, also after a panic, a crash or a drain: what is open is closed, and one last event
//! says how it came.

use std::collections::HashSet;
use std::time::Duration;

use persai_protocol::agui::{Event, Outcome};
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::RunState;

use super::system::now_ms;
use crate::log::{
    Batch, Durability, EventLog, Kind, LogError, NewRecord, RunChange, RunRow, Slice,
};

/// Why a run ends that could not end itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The relay went down, or goes down now.
    Restart,
    /// A fault of ours.
    Fault,
    /// The log could not be written for a while.
    Storage,
}

/// Longest wait between two tries to write an end.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Settles what a crash left behind. Runs before anything else uses the log.
pub async fn recover(log: &dyn EventLog) -> Result<(), LogError> {
    for run in log.unsettled_runs().await? {
        close(log, &run, Cause::Restart).await?;
        fold(log, &run).await;
    }
    Ok(())
}

/// Sees to it that a run that is no longer worked on has its end in the log, however long the log takes.
pub async fn settle(log: &dyn EventLog, run: &RunRow, cause: Cause) {
    let mut wait = Duration::from_millis(50);
    while let Err(error) = settle_once(log, run, cause).await {
        tracing::error!(%error, run_id = run.run_id, "the end of a run cannot be written yet");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(MAX_WAIT);
    }
}

async fn settle_once(log: &dyn EventLog, run: &RunRow, cause: Cause) -> Result<(), LogError> {
    // Read anew: it may have been asked to stop, or have got its end.
    let Some(run) = log.run(&run.conversation.owner, &run.run_id).await? else {
        return Ok(());
    };
    close(log, &run, cause).await?;
    fold(log, &run).await;
    Ok(())
}

/// Folding saves room and time; a run is whole without it.
pub async fn fold(log: &dyn EventLog, run: &RunRow) {
    if let Err(error) = log.fold(run).await {
        tracing::warn!(%error, run_id = run.run_id, "the deltas of a run could not be folded");
    }
}

async fn close(log: &dyn EventLog, run: &RunRow, cause: Cause) -> Result<(), LogError> {
    if run.has_ended() {
        return Ok(());
    }
    let mut events = open_ends(log, run).await?;
    let end = end_event(run, cause);
    let (state, reason) = super::end_of(&end).unwrap_or((RunState::Failed, None));
    events.push(end);
    let batch = Batch {
        conversation: run.conversation.clone(),
        run_id: run.run_id.clone(),
        at_ms: now_ms(),
        records: events.iter().map(NewRecord::event).collect(),
        change: Some(RunChange::End { state, reason }),
        durability: Durability::Synced,
    };
    match log.append(batch).await {
        // Somebody else wrote the end.
        Ok(_) | Err(LogError::RunOver) => Ok(()),
        Err(error) => Err(error),
    }
}

fn end_event(run: &RunRow, cause: Cause) -> Event {
    let timestamp = Some(now_ms());
    if run.cancel_asked {
        return Event::RunFinished {
            thread_id: run.conversation.id.clone(),
            run_id: run.run_id.clone(),
            outcome: Some(Outcome::Cancelled),
            usage: Vec::new(),
            timestamp,
        };
    }
    let (code, message) = match cause {
        Cause::Restart => (
            ErrorCode::RelayRestarted,
            "The relay was restarted while this answer was being written. What was answered until then is kept; ask again to get the rest.",
        ),
        Cause::Fault => (
            ErrorCode::Internal,
            "The relay failed while this answer was being written. What was answered until then is kept.",
        ),
        Cause::Storage => (
            ErrorCode::StorageUnavailable,
            "The relay could not write its conversation log, so this answer had to stop. What was answered until then is kept.",
        ),
    };
    Event::RunError {
        message: message.to_owned(),
        code: Some(code.as_wire()),
        timestamp,
    }
}

/// What an event opens, by its id.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Open {
    Text(String),
    ToolCall(String),
    Round(String),
}

/// The ends of everything that the run left open, innermost first.
async fn open_ends(log: &dyn EventLog, run: &RunRow) -> Result<Vec<Event>, LogError> {
    let mut order: Vec<Open> = Vec::new();
    let mut open: HashSet<Open> = HashSet::new();
    let mut after = run.first_seq.saturating_sub(1);
    loop {
        let slice = Slice {
            conversation: &run.conversation,
            after,
            run_id: Some(&run.run_id),
            kind: Kind::Agui,
            limit: 256,
        };
        let page = log.read(slice).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for record in &page {
            // An event that cannot be read opens nothing that we know of.
            let Ok(event) = serde_json::from_str::<Event>(&record.body) else {
                continue;
            };
            match event {
                Event::TextMessageStart { message_id, .. } => {
                    add(&mut order, &mut open, Open::Text(message_id))
                }
                Event::ToolCallStart { tool_call_id, .. } => {
                    add(&mut order, &mut open, Open::ToolCall(tool_call_id))
                }
                Event::StepStarted { step_name } => {
                    add(&mut order, &mut open, Open::Round(step_name))
                }
                Event::TextMessageEnd { message_id } => drop(open.take(&Open::Text(message_id))),
                Event::ToolCallEnd { tool_call_id } => {
                    drop(open.take(&Open::ToolCall(tool_call_id)))
                }
                Event::StepFinished { step_name } => drop(open.take(&Open::Round(step_name))),
                _ => {}
            }
        }
    }
    let ends = order
        .into_iter()
        .rev()
        .filter(|part| open.remove(part))
        .map(|part| match part {
            Open::Text(message_id) => Event::TextMessageEnd { message_id },
            Open::ToolCall(tool_call_id) => Event::ToolCallEnd { tool_call_id },
            Open::Round(step_name) => Event::StepFinished { step_name },
        });
    Ok(ends.collect())
}

fn add(order: &mut Vec<Open>, open: &mut HashSet<Open>, part: Open) {
    if open.insert(part.clone()) {
        order.push(part);
    }
}
