//! A question on its way to the relay, and the stop of a run. A question is sent again by itself where that is safe: the
//! relay knows a run by its id and starts none twice.

use persai_protocol::input::{ForwardedProps, InputMessage, PersaiProps, RunAgentInput};
use serde_json::{Value, json};

use super::Memo;
use super::calls::Purpose;
use super::core::{Alarm, Core};
use crate::state::trouble;
use crate::transport::answer::{self, Answer, Failure};
use crate::transport::backoff;
use crate::transport::request::Request;
use crate::view::{MessageState, TroubleView};
use crate::wire::Fields;

/// How often a question is sent before the user is asked.
const MOST_TRIES: u32 = 5;

#[derive(Debug)]
pub(super) enum Outbox {
    Empty,
    Posting(Sent),
    /// Failed in a way that can pass; the alarm is set.
    Waiting(Sent),
    /// The relay has it; the stream has not shown its run yet.
    Accepted {
        run_id: String,
    },
}

#[derive(Debug)]
pub(super) struct Sent {
    run_id: String,
    request: Request,
    failures: u32,
    /// Stopped while it was under way: cancelled as soon as the relay has it.
    stop_wanted: bool,
}

impl Core {
    /// Whether a run of this conversation goes on, or is about to.
    pub(super) fn is_running(&self) -> bool {
        self.chat.running().is_some() || !matches!(self.outbox, Outbox::Empty)
    }

    /// Sends `text`; `ids` are those of a question that never arrived.
    pub(super) fn ask(&mut self, text: String, ids: Option<(String, String)>) {
        let conversation = match &self.conversation {
            Some(id) => id.clone(),
            None => {
                let id = self.new_name("c");
                self.conversation = Some(id.clone());
                self.remember(Memo::Conversation, Some(id.clone()));
                id
            }
        };
        let (question_id, run_id) = ids.unwrap_or_else(|| (self.new_name("m"), self.new_name("r")));
        let input = RunAgentInput {
            thread_id: conversation,
            run_id: run_id.clone(),
            protocol_version: Some(persai_protocol::AGUI_VERSION.to_owned()),
            parent_run_id: self.chat.parent_run().map(ToOwned::to_owned),
            messages: vec![InputMessage {
                id: question_id.clone(),
                role: "user".to_owned(),
                content: Some(Value::String(text.clone())),
            }],
            state: json!({}),
            tools: Vec::new(),
            context: Vec::new(),
            forwarded_props: ForwardedProps {
                persai: Some(self.props()),
            },
        };
        let request = self.endpoints.agent(&input);
        self.chat
            .ask(question_id, run_id.clone(), text, self.now_ms);
        self.outbox = Outbox::Waiting(Sent {
            run_id,
            request,
            failures: 0,
            stop_wanted: false,
        });
        self.post();
    }

    fn props(&self) -> PersaiProps {
        PersaiProps {
            datasources: self.selected.clone(),
            time_range: self.env.as_ref().map(|env| env.time_range),
            utc_offset_minutes: self.env.as_ref().map_or(0, |env| env.utc_offset_minutes),
            model: Some(self.model.clone()).filter(|model| !model.is_empty()),
            suggested_step_ms: self.suggested_step_ms,
            variables: Default::default(),
        }
    }

    /// Sends what waits.
    pub(super) fn post(&mut self) {
        self.cancel_alarms(Alarm::Post);
        match std::mem::replace(&mut self.outbox, Outbox::Empty) {
            Outbox::Waiting(sent) => {
                self.chat
                    .question_is(&sent.run_id, MessageState::Sending, None);
                self.send(
                    Purpose::Agent {
                        run_id: sent.run_id.clone(),
                    },
                    sent.request.clone(),
                );
                self.outbox = Outbox::Posting(sent);
            }
            other => self.outbox = other,
        }
    }

    pub(super) fn agent_answered(&mut self, run_id: &str, answer: &Answer) {
        let mut sent = match std::mem::replace(&mut self.outbox, Outbox::Empty) {
            Outbox::Posting(sent) if sent.run_id == run_id => sent,
            other => {
                // The user has gone on to something else.
                self.outbox = other;
                return;
            }
        };
        match answer::read(answer, |accepted| accepted.text("runId")) {
            Ok(_) => self.accepted(&sent),
            Err(Failure::Refused(body)) if body.code == "runActive" => {
                if body.run_id.as_deref() == Some(run_id) {
                    self.accepted(&sent);
                    return;
                }
                // Somebody else's tab asks in this conversation: its answer is shown, the question stays to be sent.
                self.question_failed(run_id, trouble::of_body(&body));
                self.follow_now();
            }
            Err(Failure::Refused(body)) => self.question_failed(run_id, trouble::of_body(&body)),
            Err(Failure::Wait { secs, body }) => {
                let trouble = TroubleView {
                    retry_in_secs: Some(secs),
                    ..trouble::of_body(&body)
                };
                self.post_later(sent, secs * 1000, trouble);
            }
            Err(failure) => {
                sent.failures += 1;
                let wait_ms = backoff::delay_ms(sent.failures, (self.random)());
                let secs = wait_ms.div_ceil(1000);
                let mut trouble = match failure {
                    Failure::Passing(body) => trouble::of_body(&body),
                    _ => trouble::own(trouble::RELAY_UNREACHABLE, None, None),
                };
                if sent.failures >= MOST_TRIES || failure_is_final(answer) {
                    trouble.retry_in_secs = None;
                    self.question_failed(run_id, trouble);
                } else {
                    trouble.retry_in_secs = Some(secs);
                    self.post_later(sent, wait_ms, trouble);
                }
            }
        }
    }

    fn post_later(&mut self, sent: Sent, wait_ms: u64, trouble: TroubleView) {
        if sent.stop_wanted {
            self.question_stopped(&sent.run_id);
            return;
        }
        self.chat
            .question_is(&sent.run_id, MessageState::Sending, Some(trouble));
        self.outbox = Outbox::Waiting(sent);
        self.set_alarm(Alarm::Post, wait_ms);
    }

    fn accepted(&mut self, sent: &Sent) {
        self.chat
            .question_is(&sent.run_id, MessageState::Settled, None);
        if !self.chat.knows_run(&sent.run_id) {
            self.outbox = Outbox::Accepted {
                run_id: sent.run_id.clone(),
            };
        }
        self.follow_now();
        self.refresh_conversations();
        if sent.stop_wanted {
            self.cancel(&sent.run_id);
        }
    }

    pub(super) fn question_failed(&mut self, run_id: &str, trouble: TroubleView) {
        if matches!(&self.outbox, Outbox::Posting(sent) | Outbox::Waiting(sent) if sent.run_id == run_id)
        {
            self.outbox = Outbox::Empty;
        }
        self.stopping = false;
        self.chat
            .question_is(run_id, MessageState::Failed, Some(trouble));
    }

    fn question_stopped(&mut self, run_id: &str) {
        self.stopping = false;
        self.chat.question_is(
            run_id,
            MessageState::Stopped,
            Some(trouble::of_code("cancelled", "", None)),
        );
    }

    /// The stream has shown this conversation's newest run.
    pub(super) fn run_shown(&mut self) {
        if matches!(&self.outbox, Outbox::Accepted { run_id } if self.chat.knows_run(run_id)) {
            self.outbox = Outbox::Empty;
        }
    }

    // --- stop ------------------------------------------------------------------------------------------------------

    pub(super) fn stop(&mut self) -> Result<(), String> {
        match std::mem::replace(&mut self.outbox, Outbox::Empty) {
            Outbox::Posting(mut sent) => {
                sent.stop_wanted = true;
                self.stopping = true;
                self.outbox = Outbox::Posting(sent);
            }
            Outbox::Waiting(sent) => {
                // An earlier try may have arrived without its answer coming back.
                self.cancel_alarms(Alarm::Post);
                self.cancel(&sent.run_id);
                self.question_stopped(&sent.run_id);
            }
            Outbox::Accepted { run_id } => {
                self.cancel(&run_id);
                self.outbox = Outbox::Accepted { run_id };
            }
            Outbox::Empty => match self.chat.running().map(ToOwned::to_owned) {
                Some(run_id) => self.cancel(&run_id),
                None => return Err("Nothing is running.".to_owned()),
            },
        }
        Ok(())
    }

    fn cancel(&mut self, run_id: &str) {
        let purpose = Purpose::Cancel {
            run_id: run_id.to_owned(),
        };
        self.stopping = true;
        self.clear_trouble(&[trouble::STOP_FAILED]);
        if !self.is_under_way(&purpose) {
            let request = self.endpoints.cancel(run_id);
            self.send(purpose, request);
        }
    }

    /// A stop that arrived shows itself in the stream.
    pub(super) fn cancel_answered(&mut self, run_id: &str, answer: &Answer) {
        match answer::success(answer) {
            Ok(_) => {}
            Err(Failure::Refused(body)) if body.code == "notFound" => {
                self.stopping = false;
                if matches!(&self.outbox, Outbox::Accepted { run_id: accepted } if accepted == run_id)
                {
                    self.outbox = Outbox::Empty;
                }
            }
            Err(failure) => {
                let why = match failure {
                    Failure::Refused(body)
                    | Failure::Passing(body)
                    | Failure::Wait { body, .. } => Some(body.message),
                    _ => None,
                };
                // The question may have ended by itself meanwhile; then there is nothing left to stop.
                if std::mem::take(&mut self.stopping) && self.is_running() {
                    self.trouble = Some(trouble::own(trouble::STOP_FAILED, why, None));
                }
            }
        }
    }
}

/// An answer that is not the relay's stays so.
fn failure_is_final(answer: &Answer) -> bool {
    matches!(
        answer::success(answer),
        Ok(_) | Err(Failure::NotOurs { .. })
    )
}
