//! A question becomes a run: checked, written, and handed to the agent.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use persai_agent::message::{ContentBlock, Message, Role};
use persai_agent::ports::Model;
use persai_agent::{Cancel, Ports, Run, RunEnd};
use persai_protocol::agui::Event;
use persai_protocol::custom::{Custom, TimeRange, Turn};
use persai_protocol::error::ErrorCode;
use persai_protocol::id::is_valid_id;
use persai_protocol::input::{PersaiProps, RunAgentInput};
use persai_protocol::rest::{RunAccepted, RunState};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::active::Active;
use super::journal::{RunJournal, WrittenEnd};
use super::settle::{Cause, fold, settle};
use super::system::{RandomIds, SystemClock, now_ms};
use super::{Inner, Resolved, accepted, history};
use crate::error::ApiError;
use crate::identity::credentials::Credentials;
use crate::log::{Batch, ConversationKey, Durability, LogError, NewRecord, RunChange, RunRow};

/// Without a time range of the asker's: the last hour.
const DEFAULT_RANGE_MS: i64 = 3_600_000;
/// UTC-12 to UTC+14, in minutes.
const UTC_OFFSETS: std::ops::RangeInclusive<i32> = -720..=840;
const MAX_TITLE_CHARS: usize = 80;

/// What came of a question.
pub struct Started {
    pub run: RunAccepted,
    /// The run was there already.
    pub was_known: bool,
}

/// A checked question.
struct Question {
    conversation: ConversationKey,
    run_id: String,
    parent_run_id: Option<String>,
    message_id: String,
    text: String,
    time_range: TimeRange,
    props: PersaiProps,
}

pub async fn start(
    inner: &Arc<Inner>,
    owner: String,
    credentials: &Credentials,
    input: RunAgentInput,
    resolved: Resolved,
) -> Result<Started, ApiError> {
    let now = now_ms();
    let earlier = history::Foreign::read(&input.messages);
    let question = check(inner, owner, input, now)?;

    let model = match model(inner, credentials, &resolved, now) {
        Ok(model) => model,
        Err(refused) => {
            // A run that is known is answered with, whatever has changed since.
            let key = &question.conversation;
            let known = inner.log.run(&key.owner, &question.run_id).await;
            return match known.map_err(ApiError::storage)? {
                Some(row) => same_run(&question, &row),
                None => Err(refused),
            };
        }
    };

    let mut messages = history::read(inner.log.as_ref(), &question.conversation)
        .await
        .map_err(ApiError::storage)?;
    // Earlier messages of a client are for a new conversation only; else the log is the history.
    let earlier = if messages.is_empty() { earlier } else { None };
    let user = Message {
        role: Role::User,
        blocks: vec![ContentBlock::Text {
            text: question.text.clone(),
        }],
        replay: None,
    };
    if let Some(earlier) = &earlier {
        messages.push(earlier.as_message());
    }
    messages.push(user.clone());

    let batch = first_batch(&question, &resolved, earlier.as_ref(), &user, now);
    let seqs = match inner.log.append(batch).await {
        Ok(seqs) => seqs,
        // Another post of the same run was faster.
        Err(LogError::KnownRun(row)) => return same_run(&question, &row),
        Err(LogError::RunActive { run_id }) => return Err(ApiError::run_active(&run_id)),
        Err(error) => return Err(ApiError::storage(error)),
    };
    let run = RunAccepted {
        conversation_id: question.conversation.id.clone(),
        run_id: question.run_id.clone(),
        first_seq: seqs.first().copied().unwrap_or(0),
        state: RunState::Running,
    };
    launch(inner, question, run.first_seq, resolved, model, messages);
    Ok(Started {
        run,
        was_known: false,
    })
}

/// The model that will answer, where a run may start now.
fn model(
    inner: &Inner,
    credentials: &Credentials,
    resolved: &Resolved,
    now: i64,
) -> Result<Arc<dyn Model>, ApiError> {
    if inner.draining.load(Ordering::SeqCst) {
        let message = "The relay is about to restart and takes no new questions.";
        return Err(ApiError::new(ErrorCode::Draining, message).retry_after(5));
    }
    if credentials.is_expired(now / 1000) {
        let message = "Your Perses session has run out.";
        return Err(ApiError::new(ErrorCode::PersesTokenExpired, message));
    }
    inner.models.get(&resolved.model_id).ok_or_else(|| {
        let message = format!("There is no model with the id {:?}.", resolved.model_id);
        ApiError::new(ErrorCode::UnknownModel, message)
    })
}

fn check(
    inner: &Inner,
    owner: String,
    input: RunAgentInput,
    now: i64,
) -> Result<Question, ApiError> {
    let id = |name: &str, id: &str| {
        if is_valid_id(id) {
            return Ok(());
        }
        Err(ApiError::invalid(format!(
            "{name} must be 1 to 128 of A-Z, a-z, 0-9, _ and -."
        )))
    };
    id("threadId", &input.thread_id)?;
    id("runId", &input.run_id)?;
    if let Some(parent) = &input.parent_run_id {
        id("parentRunId", parent)?;
    }
    let Some(message) = input
        .messages
        .iter()
        .rev()
        .find(|message| message.role == "user")
    else {
        return Err(ApiError::invalid(
            "There is no question: messages holds no user message.",
        ));
    };
    let text = message.text();
    if text.trim().is_empty() {
        return Err(ApiError::invalid("The question is empty."));
    }
    let limit = inner.settings.max_question_bytes;
    if text.len() > limit {
        return Err(ApiError::invalid(format!(
            "The question is too long: {} bytes, and at most {limit} are taken.",
            text.len()
        ))
        .hint("Ask a shorter question, or split it."));
    }
    let message_id = match is_valid_id(&message.id) {
        true => message.id.clone(),
        false => persai_agent::ports::Ids::fresh(&RandomIds, "msg"),
    };
    let props = input.forwarded_props.persai.unwrap_or_default();
    let time_range = props.time_range.unwrap_or(TimeRange {
        start_ms: now - DEFAULT_RANGE_MS,
        end_ms: now,
    });
    if time_range.start_ms < 0 || time_range.start_ms >= time_range.end_ms {
        return Err(ApiError::invalid(
            "The time range must start before it ends.",
        ));
    }
    if !UTC_OFFSETS.contains(&props.utc_offset_minutes) {
        return Err(ApiError::invalid(
            "utcOffsetMinutes must be between -720 and 840.",
        ));
    }
    if props.suggested_step_ms.is_some_and(|step| step <= 0) {
        return Err(ApiError::invalid("suggestedStepMs must be above 0."));
    }
    Ok(Question {
        conversation: ConversationKey {
            owner,
            id: input.thread_id,
        },
        run_id: input.run_id,
        parent_run_id: input.parent_run_id,
        message_id,
        text,
        time_range,
        props,
    })
}

fn same_run(question: &Question, row: &RunRow) -> Result<Started, ApiError> {
    if row.conversation.id == question.conversation.id {
        return Ok(Started {
            run: accepted(row),
            was_known: true,
        });
    }
    Err(ApiError::invalid(
        "This runId belongs to another conversation.",
    ))
}

fn first_batch(
    question: &Question,
    resolved: &Resolved,
    earlier: Option<&history::Foreign>,
    user: &Message,
    now: i64,
) -> Batch {
    let started = Event::RunStarted {
        thread_id: question.conversation.id.clone(),
        run_id: question.run_id.clone(),
        protocol_version: Some(persai_protocol::AGUI_VERSION.to_owned()),
        parent_run_id: question.parent_run_id.clone(),
        timestamp: Some(now),
    };
    let turn = Custom::Turn(Turn {
        v: 1,
        message_id: question.message_id.clone(),
        question: question.text.clone(),
        datasources: resolved.datasources.clone(),
        time_range: question.time_range,
        utc_offset_minutes: question.props.utc_offset_minutes,
        model: resolved.model_id.clone(),
        at_ms: now,
    });
    let events = std::iter::once(started).chain(turn.into_event());
    let mut records: Vec<NewRecord> = events.map(|event| NewRecord::event(&event)).collect();
    records.extend(earlier.map(|earlier| NewRecord::context(&earlier.as_context())));
    records.push(NewRecord::message(user));
    Batch {
        conversation: question.conversation.clone(),
        run_id: question.run_id.clone(),
        at_ms: now,
        records,
        change: Some(RunChange::Start {
            title: title(&question.text),
            parent_run_id: question.parent_run_id.clone(),
        }),
        durability: Durability::Committed,
    }
}

/// The start of the first question, on one line, without characters that would change how a list reads.
fn title(question: &str) -> String {
    let unseen = |c: &char| {
        c.is_control()
            || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let question: String = question
        .chars()
        .filter(|c| c.is_whitespace() || !unseen(c))
        .collect();
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_TITLE_CHARS {
        return line;
    }
    let cut: String = line.chars().take(MAX_TITLE_CHARS - 1).collect();
    format!("{}…", cut.trim_end())
}

/// Gives the run its task. From here on it ends by itself, by a cancel or by a drain.
fn launch(
    inner: &Arc<Inner>,
    question: Question,
    first_seq: u64,
    resolved: Resolved,
    model: Arc<dyn Model>,
    history: Vec<Message>,
) {
    let row = RunRow {
        conversation: question.conversation.clone(),
        run_id: question.run_id.clone(),
        state: RunState::Running,
        reason: None,
        first_seq,
        last_seq: None,
        cancel_asked: false,
    };
    let (handle, cancel) = Cancel::pair();
    let (journal, written) = RunJournal::open(
        Arc::clone(&inner.log),
        question.conversation.clone(),
        question.run_id.clone(),
    );
    let ports = Ports {
        model,
        datasources: resolved.datasources_port,
        journal: Arc::new(journal),
        clock: Arc::new(SystemClock::default()),
        ids: Arc::new(RandomIds),
    };
    let run = Run {
        conversation_id: question.conversation.id,
        run_id: question.run_id,
        question: question.text,
        history,
        datasources: resolved.datasources,
        time_range: question.time_range,
        utc_offset_minutes: question.props.utc_offset_minutes,
        suggested_step_ms: question.props.suggested_step_ms,
        variables: question.props.variables,
        budgets: inner.settings.budgets.clone(),
        guard: inner.settings.guard.clone(),
        operator_rules: inner.settings.operator_rules.clone(),
    };
    let ended = CancellationToken::new();
    let task = tokio::spawn(persai_agent::run(run, ports, cancel));
    let active = Active {
        cancel: handle,
        ended: ended.clone(),
        abort: task.abort_handle(),
    };
    inner
        .active
        .add((row.conversation.owner.clone(), row.run_id.clone()), active);
    tokio::spawn(see_to_the_end(Arc::clone(inner), row, task, written, ended));
}

/// Waits for the run's task and gives the run its end, if it has not written one itself.
async fn see_to_the_end(
    inner: Arc<Inner>,
    mut row: RunRow,
    task: JoinHandle<RunEnd>,
    written: JoinHandle<Option<WrittenEnd>>,
    ended: CancellationToken,
) {
    let outcome = task.await;
    // The journal went with the run; its last deltas go into the log before the end.
    let written = written.await.ok().flatten();
    let cause = match outcome {
        Ok(end) => {
            tracing::info!(
                run_id = row.run_id, state = ?end.state, code = ?end.code, cause = end.cause, spent = ?end.spent,
                "run ended"
            );
            // Where it could not write its end, the log was the reason.
            Cause::Storage
        }
        Err(error) if error.is_cancelled() => Cause::Restart,
        Err(_) => {
            // The panic's own text goes to standard error; it may hold anything.
            tracing::error!(run_id = row.run_id, "a run's task panicked");
            Cause::Fault
        }
    };
    match written {
        Some(end) => {
            row.state = end.state;
            row.reason = end.reason;
            row.last_seq = Some(end.seq);
            fold(inner.log.as_ref(), &row).await;
        }
        None => settle(inner.log.as_ref(), &row, cause).await,
    }
    inner.active.remove(&(row.conversation.owner, row.run_id));
    ended.cancel();
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_is_the_start_of_the_question_on_one_line() {
        assert_eq!(
            title("  what is\n\nthe CPU\tusage? "),
            "what is the CPU usage?"
        );
        assert_eq!(title("a\u{202e}b\0c\u{200b}\nd"), "abc d");
        let long = title(&"größe ".repeat(40));
        assert_eq!(long.chars().count(), 80);
        assert!(long.ends_with('…'));
    }
}
