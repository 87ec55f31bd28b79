//! A run's way: rounds of model calls and tool calls until there is an answer, a stop or a failure, and then the events
//! that close it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use persai_protocol::agui::{Event, Outcome, TokenUsage};
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::RunState;

use crate::answer::{self, Answer, AnswerEnd, UsedIds};
use crate::budgets::Spent;
use crate::calls::{self, Finished};
use crate::cancel::Cancel;
use crate::emit::Emitter;
use crate::ending::{self, Ended};
use crate::halt::{Halt, Stop};
use crate::message::{ContentBlock, Message, Replay, Role};
use crate::ports::{Entry, ModelError, ModelRequest, Ports, StopReason, ToolChoice};
use crate::prompt;
use crate::provider_error;
use crate::run::{Run, RunEnd};
use crate::tools::Toolbox;
use crate::tools::turn::Turn;

const MAX_RETRIES: u32 = 2;
const MAX_RETRY_WAIT_MS: u64 = 30_000;
/// Before the second and third try, where the provider did not say how long.
const USUAL_RETRY_WAIT_MS: u64 = 1_000;

pub(crate) struct Rounds {
    run: Run,
    ports: Ports,
    stop: Stop,
    turn: Arc<Turn>,
    /// History and what this run added to it.
    messages: Vec<Message>,
    emitter: Emitter,
    spent: Spent,
    used: UsedIds,
    /// Good results of this turn, by what was asked.
    done: HashMap<String, Finished>,
    /// The current answer, kept here so that a halt finds what was said so far.
    said: Answer,
    /// The spent budget was named already.
    noticed: bool,
}

impl Rounds {
    pub(crate) fn new(run: Run, ports: Ports, cancel: Cancel) -> Self {
        let stop = Stop::new(cancel, ports.clock.as_ref(), run.budgets.wall_time_ms);
        let turn = Arc::new(Turn::new(&run, ports.clone()));
        let mut used = UsedIds::default();
        for block in run.history.iter().flat_map(|message| &message.blocks) {
            if let ContentBlock::ToolCall { id, .. } = block {
                used.note(id);
            }
        }
        Self {
            messages: run.history.clone(),
            emitter: Emitter::new(ports.clone()),
            spent: Spent::default(),
            done: HashMap::new(),
            said: Answer::default(),
            noticed: false,
            run,
            ports,
            stop,
            turn,
            used,
        }
    }

    pub(crate) async fn run(mut self) -> RunEnd {
        let ended = self.go().await;
        self.finish(ended).await
    }

    async fn go(&mut self) -> Result<Ended, Halt> {
        let toolbox = self.stop.race(Toolbox::new(Arc::clone(&self.turn))).await?;
        let system_prompt = prompt::system_prompt(&self.run, self.turn.now_ms);
        for number in 1_u32.. {
            let last = self.spent.exhausted(&self.run.budgets);
            if let Some(sentence) = last.clone().filter(|_| number > 1) {
                self.emitter.notice(ErrorCode::BudgetSpent, sentence, None);
                self.noticed = true;
            }
            self.emitter.start_step(format!("round-{number}"));
            self.emitter.flush().await.map_err(Halt::Journal)?;
            let request = ModelRequest {
                system_prompt: system_prompt.clone(),
                messages: self.messages.clone(),
                tools: toolbox.definitions(),
                tool_choice: if last.is_some() {
                    ToolChoice::None
                } else {
                    ToolChoice::Auto
                },
                max_output_tokens: self.run.budgets.max_output_tokens,
            };
            let (stop, replay) = match self.ask(request).await? {
                Ok(end) => end,
                Err(error) => return Ok(self.model_failed(&error)),
            };
            self.emitter.end_text();
            if self.said.calls.is_empty() {
                return Ok(self.final_answer(stop, replay, last));
            }
            self.run_tools(&toolbox, &stop, replay).await?;
            self.emitter.finish_step();
            self.emitter.flush().await.map_err(Halt::Journal)?;
        }
        Ok(ending::without_text(&StopReason::EndTurn, None))
    }

    /// One model call, tried again where nothing of it was shown.
    async fn ask(
        &mut self,
        request: ModelRequest,
    ) -> Result<Result<(StopReason, Option<Replay>), ModelError>, Halt> {
        let mut tries = 0;
        loop {
            self.said = Answer::default();
            self.emitter.new_answer();
            self.spent.rounds += 1;
            let streamed = answer::stream(
                request.clone(),
                &self.ports,
                &self.stop,
                &mut self.emitter,
                &mut self.used,
                &mut self.said,
            )
            .await;
            self.spent
                .add_tokens(self.said.input_tokens, self.said.output_tokens);
            streamed?;
            let error = match self.said.end.take() {
                Some(AnswerEnd::Ended { stop, replay }) => return Ok(Ok((stop, replay))),
                Some(AnswerEnd::Failed(error)) => error,
                None => return Ok(Err(provider_error::truncated())),
            };
            let may_retry = error.retryable
                && !self.emitter.has_shown()
                && tries < MAX_RETRIES
                && self.spent.rounds < self.run.budgets.rounds;
            if !may_retry {
                return Ok(Err(error));
            }
            tries += 1;
            let wait_ms = error
                .retry_after_secs
                .map_or(USUAL_RETRY_WAIT_MS * u64::from(tries), |secs| secs * 1000);
            self.stop
                .race(self.ports.clock.sleep(wait_ms.min(MAX_RETRY_WAIT_MS)))
                .await?;
        }
    }

    fn final_answer(
        &mut self,
        stop: StopReason,
        replay: Option<Replay>,
        last: Option<String>,
    ) -> Ended {
        if self.said.text().trim().is_empty() {
            return ending::without_text(&stop, last.as_deref());
        }
        let cut = ending::cut(&stop, self.run.budgets.max_output_tokens);
        if let Some(sentence) = cut {
            self.emitter
                .notice(ErrorCode::ProviderTruncated, sentence, None);
        }
        self.keep_answer(replay);
        Ended::Answered
    }

    fn model_failed(&mut self, error: &ModelError) -> Ended {
        let (code, message) = provider_error::for_user(error);
        Ended::Failed {
            code,
            message,
            cause: Some(error.cause.clone()),
        }
    }

    /// Adds the answer to the conversation.
    fn keep_answer(&mut self, replay: Option<Replay>) {
        let message = Message {
            role: Role::Assistant,
            blocks: std::mem::take(&mut self.said.blocks),
            replay,
        };
        self.said = Answer::default();
        self.emitter.entry(Entry::Message(message.clone()));
        self.messages.push(message);
    }

    /// Runs the calls of the current answer and adds their results to the conversation, in call order.
    async fn run_tools(
        &mut self,
        toolbox: &Toolbox,
        stop: &StopReason,
        replay: Option<Replay>,
    ) -> Result<(), Halt> {
        let asked = std::mem::take(&mut self.said.calls);
        let checked = calls::check(toolbox, &asked, stop);
        // Arguments that are no object would poison the history; the error result quotes them.
        let mut replay = replay;
        for (call, check) in asked.iter().zip(&checked) {
            if check.poisons_history() {
                replay = None;
                for block in &mut self.said.blocks {
                    if let ContentBlock::ToolCall { id, arguments, .. } = block
                        && *id == call.block_id
                    {
                        *arguments = "{}".to_owned();
                    }
                }
            }
        }
        let left = self
            .run
            .budgets
            .tool_calls
            .saturating_sub(self.spent.tool_calls);
        self.keep_answer(replay);
        let outcome = calls::run(
            toolbox,
            &asked,
            checked,
            calls::Limits {
                left,
                budget: self.run.budgets.tool_calls,
            },
            &self.ports,
            &self.stop,
            &mut self.emitter,
            &mut self.done,
        )
        .await;
        self.spent.tool_calls += outcome.ran;
        self.spent.samples = self.turn.samples.load(Ordering::Relaxed);
        self.spent.bytes = self.turn.bytes.load(Ordering::Relaxed);
        let message = Message {
            role: Role::User,
            blocks: outcome
                .results
                .into_iter()
                .map(ContentBlock::ToolResult)
                .collect(),
            replay: None,
        };
        self.emitter.entry(Entry::Message(message.clone()));
        self.messages.push(message);
        outcome.halt.map_or(Ok(()), Err)
    }

    /// Closes what is open and writes the end.
    async fn finish(mut self, ended: Result<Ended, Halt>) -> RunEnd {
        let (state, code, message, cause) = match ended {
            Ok(Ended::Answered) => (RunState::Finished, None, None, None),
            Ok(Ended::Failed {
                code,
                message,
                cause,
            }) => (RunState::Failed, Some(code), Some(message), cause),
            Err(Halt::Cancelled) => (RunState::Cancelled, Some(ErrorCode::Cancelled), None, None),
            Err(Halt::WallTime) => {
                let sentence = format!(
                    "The wall time budget of this turn is spent ({} s); what was found until then is kept.",
                    self.run.budgets.wall_time_ms / 1000
                );
                (
                    RunState::Failed,
                    Some(ErrorCode::BudgetSpent),
                    Some(sentence),
                    None,
                )
            }
            Err(Halt::Journal(error)) => {
                return RunEnd {
                    state: RunState::Failed,
                    code: Some(ErrorCode::StorageUnavailable),
                    cause: Some(error.to_string()),
                    spent: self.spent,
                };
            }
        };
        let sentence = match state {
            RunState::Cancelled => "Stopped before it was run.",
            _ => "Not run: the answer that asked for it ended early.",
        };
        // What was said is kept; calls that were not run are not.
        let text = self.said.text();
        if !text.trim().is_empty() {
            self.said
                .blocks
                .retain(|block| matches!(block, ContentBlock::Text { .. }));
            self.keep_answer(None);
        }
        self.emitter
            .close_all(code.unwrap_or(ErrorCode::Cancelled), sentence);
        let timestamp = Some(self.ports.clock.now_ms());
        match (state, code, message) {
            (RunState::Failed, Some(code), Some(message)) => {
                if code == ErrorCode::BudgetSpent && !self.noticed {
                    self.emitter.notice(code, message.clone(), None);
                }
                self.emitter.push(Event::RunError {
                    message,
                    code: Some(code.as_wire()),
                    timestamp,
                });
            }
            (state, _, _) => {
                let outcome = if state == RunState::Cancelled {
                    Outcome::Cancelled
                } else {
                    Outcome::Success
                };
                self.emitter.push(Event::RunFinished {
                    thread_id: self.run.conversation_id.clone(),
                    run_id: self.run.run_id.clone(),
                    outcome: Some(outcome),
                    usage: self.usage(),
                    timestamp,
                });
            }
        }
        match self.emitter.flush().await {
            Ok(()) => RunEnd {
                state,
                code,
                cause,
                spent: self.spent,
            },
            Err(error) => RunEnd {
                state: RunState::Failed,
                code: Some(ErrorCode::StorageUnavailable),
                cause: Some(error.to_string()),
                spent: self.spent,
            },
        }
    }

    fn usage(&self) -> Vec<TokenUsage> {
        let (input_tokens, output_tokens) = (self.spent.input_tokens, self.spent.output_tokens);
        if input_tokens.is_none() && output_tokens.is_none() {
            return Vec::new();
        }
        let model = self.ports.model.describe();
        vec![TokenUsage {
            input_tokens,
            output_tokens,
            model: Some(model.model),
            provider: Some(model.provider),
        }]
    }
}
