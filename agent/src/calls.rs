//! The tool calls of one answer: checked, run in parallel, each answered in call order.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _, Shared};
use futures::stream::FuturesOrdered;
use persai_protocol::custom::{Custom, ToolOutcome};
use persai_protocol::error::ErrorCode;
use serde_json::{Map, Value};

use crate::answer::Call;
use crate::emit::Emitter;
use crate::halt::{Halt, Stop};
use crate::message::ToolResult;
use crate::ports::{Entry, Ports, StopReason};
use crate::tools::{Answer, Failure, Toolbox, arguments};

/// A tool's answer and how long it took.
#[derive(Debug, Clone)]
pub struct Finished {
    pub answer: Answer,
    pub duration_ms: u64,
}

pub enum Checked {
    Good {
        arguments: Map<String, Value>,
        identity: String,
    },
    Bad {
        failure: Failure,
        poisons_history: bool,
    },
}

impl Checked {
    #[must_use]
    pub fn poisons_history(&self) -> bool {
        matches!(
            self,
            Self::Bad {
                poisons_history: true,
                ..
            }
        )
    }
}

pub struct Limits {
    /// Calls that the turn may still run, of `budget`.
    pub left: u32,
    pub budget: u32,
}

pub struct Outcome {
    /// One for every call, in call order.
    pub results: Vec<ToolResult>,
    pub ran: u32,
    pub halt: Option<Halt>,
}

/// Checks every call of an answer. Nothing of an answer that was cut may run.
#[must_use]
pub fn check(toolbox: &Toolbox, asked: &[Call], stop: &StopReason) -> Vec<Checked> {
    let cut = !matches!(
        stop,
        StopReason::EndTurn
            | StopReason::ToolCalls
            | StopReason::StopSequence
            | StopReason::Other(_)
    );
    asked
        .iter()
        .map(|call| {
            let is_object = serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok();
            if cut {
                let failure = Failure::new(
                    ErrorCode::ProviderTruncated,
                    "Not run: the answer was cut before it ended.",
                    "Ask again with a shorter answer.",
                );
                return Checked::Bad {
                    failure,
                    poisons_history: !is_object,
                };
            }
            match toolbox.check(&call.name, &call.arguments) {
                Ok(arguments) => {
                    let identity = arguments::identity(&call.name, &arguments);
                    Checked::Good {
                        arguments,
                        identity,
                    }
                }
                Err(failure) => Checked::Bad {
                    failure,
                    poisons_history: !is_object,
                },
            }
        })
        .collect()
}

type Running<'a> = Shared<BoxFuture<'a, Finished>>;

/// Runs what passed the check, and writes evidence, outcome and result of each call as its turn comes.
#[allow(clippy::too_many_arguments)]
pub async fn run(
    toolbox: &Toolbox,
    asked: &[Call],
    checked: Vec<Checked>,
    limits: Limits,
    ports: &Ports,
    stop: &Stop,
    emitter: &mut Emitter,
    done: &mut HashMap<String, Finished>,
) -> Outcome {
    let mut ran = 0;
    let mut started: HashMap<String, Running<'_>> = HashMap::new();
    let mut waiting: FuturesOrdered<Running<'_>> = FuturesOrdered::new();
    let mut identities: Vec<Option<String>> = Vec::new();
    for check in checked {
        let (future, identity) = match check {
            Checked::Bad { failure, .. } => (ready(failure), None),
            Checked::Good {
                arguments,
                identity,
            } => {
                let call = asked.get(identities.len());
                let future = if let Some(finished) = done.get(&identity) {
                    let finished = Finished {
                        duration_ms: 0,
                        ..finished.clone()
                    };
                    async move { finished }.boxed().shared()
                } else if let Some(running) = started.get(&identity) {
                    running.clone()
                } else if ran >= limits.left {
                    ready(Failure::new(
                        ErrorCode::BudgetSpent,
                        format!(
                            "Not run: this turn may make {} tool calls, and they are spent.",
                            limits.budget
                        ),
                        "Answer with what was found until now.",
                    ))
                } else {
                    ran += 1;
                    let name = call.map(|call| call.name.clone()).unwrap_or_default();
                    let running = async move {
                        let began_ms = ports.clock.monotonic_ms();
                        let answer = toolbox.run(&name, &arguments).await;
                        Finished {
                            answer,
                            duration_ms: ports.clock.monotonic_ms().saturating_sub(began_ms),
                        }
                    }
                    .boxed()
                    .shared();
                    started.insert(identity.clone(), running.clone());
                    running
                };
                (future, Some(identity))
            }
        };
        identities.push(identity);
        waiting.push_back(future);
    }
    let mut results = Vec::new();
    let mut halt = None;
    for (call, identity) in asked.iter().zip(identities) {
        let finished = match stop.race(waiting.next()).await {
            Ok(Some(finished)) => finished,
            Ok(None) => break,
            Err(stopped) => {
                halt = Some(stopped);
                break;
            }
        };
        if let Some(identity) = identity.filter(|_| finished.answer.code.is_none()) {
            done.entry(identity).or_insert_with(|| finished.clone());
        }
        results.push(write(emitter, call, finished));
        if let Err(error) = emitter.flush().await {
            halt = Some(Halt::Journal(error));
            break;
        }
    }
    // Every call has a result, also where the run stops here: a history with open calls could not be sent again.
    for call in asked.iter().skip(results.len()) {
        results.push(ToolResult {
            tool_call_id: call.block_id.clone(),
            content: "Stopped before it was finished.".to_owned(),
            is_error: true,
            structured: None,
        });
    }
    Outcome { results, ran, halt }
}

fn ready<'a>(failure: Failure) -> Running<'a> {
    let finished = Finished {
        answer: Answer::from(failure),
        duration_ms: 0,
    };
    async move { finished }.boxed().shared()
}

fn write(emitter: &mut Emitter, call: &Call, finished: Finished) -> ToolResult {
    let Finished {
        answer,
        duration_ms,
    } = finished;
    let tool_call_id = call.wire_id.clone();
    if let Some((sha256, body)) = answer.raw {
        emitter.entry(Entry::Result {
            tool_call_id: tool_call_id.clone(),
            sha256,
            body,
        });
    }
    if let Some(mut evidence) = answer.evidence {
        evidence.tool_call_id.clone_from(&tool_call_id);
        emitter.custom(Custom::Evidence(evidence));
    }
    let outcome = ToolOutcome {
        v: 1,
        tool_call_id,
        ok: answer.code.is_none(),
        duration_ms,
        code: answer.code.map(ErrorCode::as_wire),
        summary: answer.summary,
    };
    emitter.settle_call(outcome, answer.content.clone());
    ToolResult {
        tool_call_id: call.block_id.clone(),
        content: answer.content,
        is_error: answer.code.is_some(),
        structured: answer.structured,
    }
}
