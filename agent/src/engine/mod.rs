//! The built-in engine: a deterministic planner behind the same [`Model`] trait, with the same tools. It is not an LLM
//! and says so. It sees a request and nothing else; times are words that the tools resolve.
//!
//! Where to start: [`planner`] decides the next move from what the turn has found so far. [`question`] reads the
//! question, [`recipes`] and [`promql`] make queries, [`wording`] writes the
//! answer from the tools' figures; [`talk`] says the rest.

mod figures;
mod planner;
mod promql;
mod question;
mod recipes;
mod talk;
mod targets;
mod text;
mod window;
mod wording;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::Value;

use crate::message::{ContentBlock, Message, Role, ToolResult};
use crate::ports::{Model, ModelDescription, ModelEvent, ModelRequest, StopReason, ToolChoice};
use planner::Move;

/// Needs no key and no network; knows no clock and no chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinEngine;

impl BuiltinEngine {
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Model for BuiltinEngine {
    fn describe(&self) -> ModelDescription {
        ModelDescription {
            id: "builtin".into(),
            provider: "builtin".into(),
            model: "builtin".into(),
        }
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        stream::iter(answer(&request)).boxed()
    }
}

/// A question with what this turn has found for it so far.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    pub question: String,
    pub done: Vec<Done<'a>>,
    /// Metric of an earlier turn, for "and by instance?".
    pub earlier_metric: Option<String>,
    calls_so_far: usize,
}

/// A tool call and its result.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub name: &'a str,
    pub arguments: Value,
    pub result: &'a ToolResult,
}

impl Done<'_> {
    /// The result as a value; null where there is none.
    pub fn value(&self) -> &Value {
        self.result.structured.as_ref().unwrap_or(&Value::Null)
    }
}

fn read(messages: &[Message]) -> Conversation<'_> {
    let mut conversation = Conversation::default();
    let mut calls: Vec<(&str, &str, &str)> = Vec::new();
    for message in messages {
        for block in &message.blocks {
            match (message.role, block) {
                (Role::User, ContentBlock::Text { text }) => {
                    let described = calls
                        .iter()
                        .rev()
                        .find(|(_, name, _)| *name == "describe_metric");
                    conversation.earlier_metric = described
                        .and_then(|(_, _, arguments)| serde_json::from_str::<Value>(arguments).ok())
                        .and_then(|arguments| Some(arguments.get("metric")?.as_str()?.to_owned()))
                        .or(conversation.earlier_metric.take());
                    conversation.question.clone_from(text);
                    conversation.done.clear();
                }
                (
                    Role::Assistant,
                    ContentBlock::ToolCall {
                        id,
                        name,
                        arguments,
                    },
                ) => {
                    conversation.calls_so_far += 1;
                    calls.push((id, name, arguments));
                }
                (Role::User, ContentBlock::ToolResult(result)) => {
                    if let Some((_, name, arguments)) = calls
                        .iter()
                        .rev()
                        .find(|(id, _, _)| *id == result.tool_call_id)
                    {
                        let arguments = serde_json::from_str(arguments).unwrap_or(Value::Null);
                        conversation.done.push(Done {
                            name,
                            arguments,
                            result,
                        });
                    }
                }
                _ => {}
            }
        }
    }
    conversation
}

fn answer(request: &ModelRequest) -> Vec<ModelEvent> {
    let conversation = read(&request.messages);
    let offered: Vec<&str> = request
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    let may_call = request.tool_choice == ToolChoice::Auto;
    let text = match planner::next_move(&conversation, &offered) {
        Move::Call(calls) if may_call => {
            let mut events = Vec::new();
            for (part, call) in calls.into_iter().enumerate() {
                // Ids of calls go on through the conversation, so that none comes twice.
                let id = format!("call_{}", conversation.calls_so_far + part + 1);
                let arguments = Value::Object(call.arguments).to_string();
                let name = call.tool.to_owned();
                events.push(ModelEvent::ToolCallStart {
                    part,
                    id: id.clone(),
                    name: name.clone(),
                });
                events.push(ModelEvent::ToolCallDelta {
                    part,
                    json: arguments.clone(),
                });
                events.push(ModelEvent::ToolCallEnd {
                    part,
                    id,
                    name,
                    arguments,
                });
            }
            events.push(ModelEvent::End {
                stop: StopReason::ToolCalls,
                replay: None,
            });
            return events;
        }
        Move::Call(_) => talk::out_of_rounds(&conversation),
        Move::Say(text) => text,
    };
    let mut events: Vec<ModelEvent> = text
        .split_inclusive(' ')
        .map(|word| ModelEvent::TextDelta(word.to_owned()))
        .collect();
    events.push(ModelEvent::End {
        stop: StopReason::EndTurn,
        replay: None,
    });
    events
}
