//! What single events do to messages and tools; [`super::chat`] decides which of them counts.

use persai_protocol::custom::Turn;

use super::chat::{Chat, Notable, RunPhase};
use super::message::{Answer, Message, Piece, Question};
use super::tool::Tool;
use super::trouble;
use crate::markdown::LinkPolicy;
use crate::view::{MessageState, TroubleView};

impl Chat {
    pub(super) fn run_started(&mut self, run_id: String, at_ms: i64) {
        if let RunPhase::Running { run_id: other } = &self.run
            && *other != run_id
        {
            // Only one run goes on at a time: the other one's end was lost.
            let other = other.clone();
            self.settle(
                &other,
                MessageState::Failed,
                Some(trouble::of_code("relayRestarted", "", None)),
            );
        }
        // Recovery may start a run again; its answer goes on.
        match self.messages.iter_mut().find_map(|message| match message {
            Message::Answer(answer) if answer.run_id == run_id => Some(answer),
            _ => None,
        }) {
            Some(answer) => answer.settle(MessageState::Streaming, None),
            None => self
                .messages
                .push(Message::Answer(Answer::new(run_id.clone(), at_ms))),
        }
        self.run = RunPhase::Running { run_id };
    }

    pub(super) fn run_ended(
        &mut self,
        state: MessageState,
        trouble: Option<TroubleView>,
    ) -> Notable {
        let RunPhase::Running { run_id } = std::mem::take(&mut self.run) else {
            return Notable::Nothing;
        };
        self.settle(&run_id, state, trouble);
        if state != MessageState::Failed {
            self.newest_ended = Some(run_id);
        }
        Notable::RunEnded
    }

    pub(super) fn settle(
        &mut self,
        run_id: &str,
        state: MessageState,
        trouble: Option<TroubleView>,
    ) {
        let answer = self
            .messages
            .iter_mut()
            .rev()
            .find_map(|message| match message {
                Message::Answer(answer) if answer.run_id == run_id => Some(answer),
                _ => None,
            });
        let Some(answer) = answer else { return };
        answer.settle(state, trouble);
        for piece in &answer.pieces {
            if let Piece::Tool(id) = piece
                && let Some(tool) = self.tools.iter_mut().find(|tool| tool.id == *id)
            {
                tool.run_ended();
            }
        }
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        let RunPhase::Running { run_id } = &self.run else {
            return;
        };
        let run_id = run_id.clone();
        if let Some(answer) = self.answer_mut(&run_id) {
            answer.at_ms = turn.at_ms;
            answer.datasource = turn.datasources.first().cloned();
            answer.dirty = true;
        }
        // Our own question was shown when it was sent; the log's words now take its place.
        self.remove_question(&run_id);
        let question = Question {
            id: turn.message_id,
            run_id: run_id.clone(),
            text: turn.question,
            state: MessageState::Settled,
            trouble: None,
            at_ms: turn.at_ms,
            dirty: true,
        };
        let at = self
            .messages
            .iter()
            .rposition(
                |message| matches!(message, Message::Answer(answer) if answer.run_id == run_id),
            )
            .unwrap_or(self.messages.len());
        self.messages.insert(at, Message::Question(question));
    }

    pub(super) fn tool_started(
        &mut self,
        wire_id: String,
        name: String,
        parent: Option<String>,
        now_ms: i64,
    ) {
        let mut id = wire_id.clone();
        let mut uses = 1;
        while self.tools.iter().any(|tool| tool.id == id) {
            uses += 1;
            id = format!("{wire_id}~{uses}");
        }
        let mut datasource = None;
        let mut shown = false;
        self.with_answer(|answer, _| {
            datasource.clone_from(&answer.datasource);
            answer.pieces.push(Piece::Tool(id.clone()));
            answer.dirty = true;
            shown = true;
        });
        if shown {
            self.tools
                .push(Tool::new(id, wire_id, name, parent, datasource, now_ms));
        }
    }

    pub(super) fn supersede(&mut self, messages: &[String]) {
        let mut tools = Vec::new();
        self.tools.retain(|tool| {
            let stays = !tool.belongs_to(messages);
            if !stays {
                tools.push(tool.id.clone());
            }
            stays
        });
        self.removed
            .extend(tools.iter().map(|id| format!("tool/{id}")));
        for message in &mut self.messages {
            if let Message::Answer(answer) = message {
                answer.remove_texts(messages, &mut self.removed);
                answer.remove_tools(&tools);
            }
        }
    }

    pub(super) fn remove_question(&mut self, run_id: &str) {
        let removed = &mut self.removed;
        self.messages.retain(|message| match message {
            Message::Question(question) if question.run_id == run_id => {
                removed.push(format!("message/{}", question.id));
                false
            }
            _ => true,
        });
    }

    pub(super) fn question(&mut self, run_id: &str) -> Option<&mut Question> {
        self.messages
            .iter_mut()
            .rev()
            .find_map(|message| match message {
                Message::Question(question) if question.run_id == run_id => Some(question),
                _ => None,
            })
    }

    pub(super) fn answer_mut(&mut self, run_id: &str) -> Option<&mut Answer> {
        self.messages
            .iter_mut()
            .rev()
            .find_map(|message| match message {
                Message::Answer(answer) if answer.run_id == run_id => Some(answer),
                _ => None,
            })
    }

    /// Runs `change` on the answer that is being written; what comes outside of a run is dropped.
    pub(super) fn with_answer(&mut self, change: impl FnOnce(&mut Answer, &LinkPolicy)) {
        let RunPhase::Running { run_id } = &self.run else {
            return;
        };
        let answer = self
            .messages
            .iter_mut()
            .rev()
            .find_map(|message| match message {
                Message::Answer(answer) if answer.run_id == *run_id => Some(answer),
                _ => None,
            });
        if let Some(answer) = answer {
            change(answer, &self.page.policy);
        }
    }

    /// Runs `change` on the newest tool call with this id on the wire.
    pub(super) fn with_tool(&mut self, wire_id: &str, change: impl FnOnce(&mut Tool)) {
        if let Some(tool) = self
            .tools
            .iter_mut()
            .rev()
            .find(|tool| tool.wire_id == wire_id)
        {
            change(tool);
        }
    }
}
