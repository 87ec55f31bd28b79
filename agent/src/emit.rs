//! Writes a run's events in AG-UI's order: knows what is open, so that it can be closed at any moment.

use persai_protocol::agui::{Event, MessageRole, ToolRole};
use persai_protocol::custom::{Custom, Notice, ToolOutcome};
use persai_protocol::error::ErrorCode;

use crate::ports::{Entry, JournalError, Ports};

pub struct Emitter {
    ports: Ports,
    pending: Vec<Entry>,
    step: Option<String>,
    text: Option<String>,
    /// Tool calls whose arguments are still coming.
    open_calls: Vec<String>,
    /// Tool calls that were shown and have no result yet, in call order.
    unsettled: Vec<String>,
    /// Whether the reader saw anything of the current answer.
    shown: bool,
}

impl Emitter {
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            ports,
            pending: Vec::new(),
            step: None,
            text: None,
            open_calls: Vec::new(),
            unsettled: Vec::new(),
            shown: false,
        }
    }

    pub fn start_step(&mut self, step_name: String) {
        self.push(Event::StepStarted {
            step_name: step_name.clone(),
        });
        self.step = Some(step_name);
    }

    pub fn finish_step(&mut self) {
        if let Some(step_name) = self.step.take() {
            self.push(Event::StepFinished { step_name });
        }
    }

    /// Whether anything was shown since the last [`Emitter::new_answer`].
    #[must_use]
    pub fn has_shown(&self) -> bool {
        self.shown
    }

    pub fn new_answer(&mut self) {
        self.shown = false;
    }

    pub fn text(&mut self, delta: String) {
        if delta.is_empty() {
            return;
        }
        self.shown = true;
        let message_id = match &self.text {
            Some(id) => id.clone(),
            None => {
                let id = self.ports.ids.fresh("msg");
                self.push(Event::TextMessageStart {
                    message_id: id.clone(),
                    role: MessageRole::Assistant,
                });
                self.text = Some(id.clone());
                id
            }
        };
        self.push(Event::TextMessageContent { message_id, delta });
    }

    pub fn end_text(&mut self) {
        if let Some(message_id) = self.text.take() {
            self.push(Event::TextMessageEnd { message_id });
        }
    }

    pub fn start_call(&mut self, tool_call_id: &str, name: &str) {
        self.shown = true;
        self.end_text();
        self.push(Event::ToolCallStart {
            tool_call_id: tool_call_id.to_owned(),
            tool_call_name: name.to_owned(),
            parent_message_id: None,
        });
        self.open_calls.push(tool_call_id.to_owned());
        self.unsettled.push(tool_call_id.to_owned());
    }

    pub fn call_arguments(&mut self, tool_call_id: &str, delta: String) {
        if !delta.is_empty() && self.open_calls.iter().any(|id| id == tool_call_id) {
            self.push(Event::ToolCallArgs {
                tool_call_id: tool_call_id.to_owned(),
                delta,
            });
        }
    }

    pub fn end_call(&mut self, tool_call_id: &str) {
        if let Some(at) = self.open_calls.iter().position(|id| id == tool_call_id) {
            self.open_calls.remove(at);
            self.push(Event::ToolCallEnd {
                tool_call_id: tool_call_id.to_owned(),
            });
        }
    }

    /// The outcome of a call and, right after it, its result.
    pub fn settle_call(&mut self, outcome: ToolOutcome, content: String) {
        let tool_call_id = outcome.tool_call_id.clone();
        self.end_call(&tool_call_id);
        self.unsettled.retain(|id| *id != tool_call_id);
        self.custom(Custom::ToolOutcome(outcome));
        let message_id = self.ports.ids.fresh("msg");
        self.push(Event::ToolCallResult {
            message_id,
            tool_call_id,
            content,
            role: Some(ToolRole::Tool),
        });
    }

    /// Every shown call that has no result gets one that says why it was not run.
    pub fn settle_rest(&mut self, code: ErrorCode, sentence: &str) {
        for tool_call_id in std::mem::take(&mut self.unsettled) {
            let outcome = ToolOutcome {
                v: 1,
                tool_call_id,
                ok: false,
                duration_ms: 0,
                code: Some(code.as_wire()),
                summary: sentence.to_owned(),
            };
            self.settle_call(outcome, sentence.to_owned());
        }
    }

    pub fn notice(&mut self, code: ErrorCode, message: String, hint: Option<String>) {
        self.custom(Custom::Notice(Notice {
            v: 1,
            code: code.as_wire(),
            message,
            hint,
        }));
    }

    pub fn custom(&mut self, custom: Custom) {
        self.pending.extend(custom.into_event().map(Entry::Event));
    }

    pub fn entry(&mut self, entry: Entry) {
        self.pending.push(entry);
    }

    /// Ends everything that is open, so that the run itself may end. Calls without a result are settled with `sentence`.
    pub fn close_all(&mut self, code: ErrorCode, sentence: &str) {
        self.end_text();
        for tool_call_id in std::mem::take(&mut self.open_calls) {
            self.push(Event::ToolCallEnd { tool_call_id });
        }
        self.settle_rest(code, sentence);
        self.finish_step();
    }

    pub fn push(&mut self, event: Event) {
        self.pending.push(Entry::Event(event));
    }

    /// Writes what is pending as one batch.
    pub async fn flush(&mut self) -> Result<(), JournalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.ports
            .journal
            .append(std::mem::take(&mut self.pending))
            .await
    }
}
