//! Folds the events of a conversation's one stream into messages and tools.

use persai_protocol::agui::{Event, MessageRole, Outcome};
use persai_protocol::custom::Custom;

use super::message::{Message, Piece, Question};
use super::tool::Tool;
use super::trouble;
use crate::markdown::LinkPolicy;
use crate::view::{MessageState, TroubleView};
use crate::wire;

/// What of the page the view depends on.
#[derive(Debug, Default)]
pub struct Page {
    pub policy: LinkPolicy,
    /// Absent until it is known; no panel before that.
    pub panel_kinds: Option<Vec<String>>,
    pub utc_offset_minutes: i32,
}

/// Whether a run goes on. Between a lost connection and its return a run still counts as going on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum RunPhase {
    #[default]
    Idle,
    Running {
        run_id: String,
    },
}

/// What the page must know of an event that it has just been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notable {
    Nothing,
    /// An open text grew; nothing but that text has changed.
    TextGrew,
    RunStarted,
    RunEnded,
    /// The client is ahead of the log: everything must be read again.
    Reset,
    CaughtUp,
}

/// A question that got no good answer, for trying again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    pub text: String,
    /// Set where the question never reached the relay: the same ids may be used again.
    pub unsent: Option<(String, String)>,
}

#[derive(Debug, Default)]
pub struct Chat {
    pub page: Page,
    pub(super) messages: Vec<Message>,
    /// In the order of their calls.
    pub(super) tools: Vec<Tool>,
    /// Keys that are gone since the last drain.
    pub(super) removed: Vec<String>,
    pub(super) run: RunPhase,
    last_seq: u64,
    /// The text message that is somebody's echo of the question; its text is not an answer.
    echoed: Option<String>,
    /// The newest run that ended without failing; the next one is its child.
    pub(super) newest_ended: Option<String>,
}

impl Chat {
    /// The seq after which the stream is to be followed.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The run that goes on.
    #[must_use]
    pub fn running(&self) -> Option<&str> {
        match &self.run {
            RunPhase::Running { run_id } => Some(run_id),
            RunPhase::Idle => None,
        }
    }

    #[must_use]
    pub fn parent_run(&self) -> Option<&str> {
        self.newest_ended.as_deref()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    #[must_use]
    pub fn knows_run(&self, run_id: &str) -> bool {
        self.messages
            .iter()
            .any(|message| matches!(message, Message::Answer(answer) if answer.run_id == run_id))
    }

    /// Forgets the conversation; the page stays.
    pub fn clear(&mut self) {
        let mut removed = self.keys();
        removed.append(&mut self.removed);
        *self = Self {
            page: std::mem::take(&mut self.page),
            removed,
            ..Self::default()
        };
    }

    /// Takes an event as it came from the stream. What can't be read, or was seen before, changes nothing.
    pub fn apply_json(&mut self, seq: Option<u64>, data: &str, now_ms: i64) -> Notable {
        match wire::event::read(data) {
            Some(event) => self.apply(seq, event, now_ms),
            None => {
                self.last_seq = self.last_seq.max(seq.unwrap_or(0));
                Notable::Nothing
            }
        }
    }

    pub fn apply(&mut self, seq: Option<u64>, event: Event, now_ms: i64) -> Notable {
        if let Some(seq) = seq {
            if seq <= self.last_seq {
                return Notable::Nothing;
            }
            self.last_seq = seq;
        }
        match event {
            Event::RunStarted {
                run_id, timestamp, ..
            } => {
                self.run_started(run_id, timestamp.unwrap_or(now_ms));
                return Notable::RunStarted;
            }
            Event::RunFinished { outcome, .. } => {
                let (state, trouble) = match outcome {
                    Some(Outcome::Cancelled) => (
                        MessageState::Stopped,
                        Some(trouble::of_code("cancelled", "", None)),
                    ),
                    _ => (MessageState::Settled, None),
                };
                return self.run_ended(state, trouble);
            }
            Event::RunError { message, code, .. } => {
                let code = code.unwrap_or_default();
                let state = if code == "cancelled" {
                    MessageState::Stopped
                } else {
                    MessageState::Failed
                };
                return self.run_ended(state, Some(trouble::of_code(&code, &message, None)));
            }
            Event::TextMessageStart {
                message_id,
                role: MessageRole::User,
            } => self.echoed = Some(message_id),
            Event::TextMessageStart {
                message_id,
                role: MessageRole::Assistant,
            } => {
                self.with_answer(|answer, policy| answer.begin_text(message_id, policy));
            }
            Event::TextMessageContent { message_id, delta } => {
                let mut grew = false;
                if self.echoed.as_ref() != Some(&message_id) {
                    self.with_answer(|answer, policy| {
                        grew = answer.add_text(&message_id, &delta, policy)
                    });
                }
                return if grew {
                    Notable::TextGrew
                } else {
                    Notable::Nothing
                };
            }
            Event::TextMessageEnd { message_id } => {
                self.with_answer(|answer, _| answer.end_text(&message_id))
            }
            Event::ToolCallStart {
                tool_call_id,
                tool_call_name,
                parent_message_id,
            } => {
                self.tool_started(tool_call_id, tool_call_name, parent_message_id, now_ms);
            }
            Event::ToolCallArgs {
                tool_call_id,
                delta,
            } => {
                self.with_tool(&tool_call_id, |tool| tool.add_arguments(&delta));
            }
            Event::ToolCallEnd { tool_call_id } => {
                self.with_tool(&tool_call_id, Tool::end_arguments)
            }
            Event::ToolCallResult {
                message_id,
                tool_call_id,
                content,
                ..
            } => {
                self.with_tool(&tool_call_id, |tool| tool.set_result(message_id, content));
            }
            Event::Custom { name, value } => {
                return self.apply_custom(wire::custom::read(&name, &value));
            }
            Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::MessagesSnapshot { .. }
            | Event::Unknown => {}
        }
        Notable::Nothing
    }

    fn apply_custom(&mut self, custom: Custom) -> Notable {
        match custom {
            Custom::Turn(turn) => self.turn(turn),
            Custom::Evidence(evidence) => {
                let id = evidence.tool_call_id.clone();
                self.with_tool(&id, |tool| tool.set_evidence(evidence));
            }
            Custom::ToolOutcome(outcome) => {
                let id = outcome.tool_call_id.clone();
                self.with_tool(&id, |tool| tool.set_outcome(outcome));
            }
            Custom::Notice(notice) => self.with_answer(|answer, _| {
                answer.pieces.push(Piece::Notice {
                    text: notice.message,
                    hint: notice.hint,
                });
                answer.dirty = true;
            }),
            Custom::Superseded(superseded) => self.supersede(&superseded.message_ids),
            Custom::Reset => {
                self.clear();
                return Notable::Reset;
            }
            Custom::CaughtUp(_) => return Notable::CaughtUp,
            Custom::Unknown => {}
        }
        Notable::Nothing
    }

    // --- the user's own question, before the relay has it ---------------------------------------------------------

    /// Shows a question that is being sent.
    pub fn ask(&mut self, id: String, run_id: String, text: String, now_ms: i64) {
        self.remove_question(&run_id);
        self.messages.push(Message::Question(Question {
            id,
            run_id,
            text,
            state: MessageState::Sending,
            trouble: None,
            at_ms: now_ms,
            dirty: true,
        }));
    }

    /// What became of a question that was being sent.
    pub fn question_is(&mut self, run_id: &str, state: MessageState, trouble: Option<TroubleView>) {
        if let Some(question) = self.question(run_id) {
            question.state = state;
            question.trouble = trouble;
            question.dirty = true;
        }
    }

    /// The newest question, where it got no good answer.
    #[must_use]
    pub fn unanswered(&self) -> Option<Unanswered> {
        let at = self
            .messages
            .iter()
            .rposition(|message| matches!(message, Message::Question(_)))?;
        let Message::Question(question) = self.messages.get(at)? else {
            return None;
        };
        let unsent = matches!(question.state, MessageState::Failed | MessageState::Stopped);
        let answer_failed = self.messages.iter().skip(at + 1).any(|message| {
            matches!(message, Message::Answer(answer)
                if matches!(answer.state, MessageState::Failed | MessageState::Stopped))
        });
        (unsent || answer_failed).then(|| Unanswered {
            text: question.text.clone(),
            unsent: unsent.then(|| (question.id.clone(), question.run_id.clone())),
        })
    }

    pub fn toggle_tool(&mut self, id: &str) {
        if let Some(tool) = self.tools.iter_mut().find(|tool| tool.id == id) {
            tool.open = !tool.open;
            tool.dirty = true;
        }
    }

    pub fn choose_panel_kind(&mut self, id: &str, kind: String) {
        if let Some(tool) = self.tools.iter_mut().find(|tool| tool.id == id) {
            tool.choose_kind(kind);
        }
    }

    /// The page's kinds or zone have changed: every card is given out again.
    pub fn page_changed(&mut self) {
        for tool in &mut self.tools {
            tool.dirty = true;
        }
    }
}
