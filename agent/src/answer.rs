//! One model call: its stream becomes events as it comes, and an [`AnswerEnd`] once it ended.

use std::collections::HashMap;

use futures::{FutureExt as _, StreamExt as _};

use crate::emit::Emitter;
use crate::halt::{Halt, Stop};
use crate::message::{ContentBlock, Replay};
use crate::ports::{ModelError, ModelEvent, ModelRequest, Ports, StopReason, ToolChoice};

/// Events that are taken from a stream before they are written together.
const MAX_BATCH: usize = 64;

/// What a model said, complete or not.
#[derive(Debug, Default)]
pub struct Answer {
    /// Text, reasoning and finished tool calls, in order.
    pub blocks: Vec<ContentBlock>,
    pub calls: Vec<Call>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub end: Option<AnswerEnd>,
}

/// A tool call as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The id in events: valid on the wire and unique in the conversation.
    pub wire_id: String,
    /// The id in content blocks: the provider's own.
    pub block_id: String,
    pub name: String,
    pub arguments: String,
}

#[derive(Debug)]
pub enum AnswerEnd {
    Ended {
        stop: StopReason,
        replay: Option<Replay>,
    },
    Failed(ModelError),
}

impl Answer {
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| {
                if let ContentBlock::Text { text } = block {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    fn add_text(&mut self, delta: &str) {
        if let Some(ContentBlock::Text { text }) = self.blocks.last_mut() {
            text.push_str(delta);
        } else {
            self.blocks.push(ContentBlock::Text {
                text: delta.to_owned(),
            });
        }
    }

    fn add_reasoning(&mut self, delta: &str) {
        if let Some(ContentBlock::Reasoning { text }) = self.blocks.last_mut() {
            text.push_str(delta);
        } else {
            self.blocks.push(ContentBlock::Reasoning {
                text: delta.to_owned(),
            });
        }
    }
}

/// Ids of tool calls that the conversation has used.
#[derive(Debug, Default)]
pub struct UsedIds(std::collections::HashSet<String>);

impl UsedIds {
    pub fn note(&mut self, id: &str) {
        self.0.insert(id.to_owned());
    }

    /// `id` itself where it may stand on the wire and is new, else a fresh one.
    fn wire(&mut self, id: &str, ports: &Ports) -> String {
        let id = if persai_protocol::id::is_valid_id(id) && !self.0.contains(id) {
            id.to_owned()
        } else {
            ports.ids.fresh("call")
        };
        self.0.insert(id.clone());
        id
    }
}

/// Streams one answer. What was said so far is in `answer` even where the run was halted.
pub async fn stream(
    request: ModelRequest,
    ports: &Ports,
    stop: &Stop,
    emitter: &mut Emitter,
    used: &mut UsedIds,
    answer: &mut Answer,
) -> Result<(), Halt> {
    // In the last round calls are neither shown nor run.
    let takes_calls = request.tool_choice == ToolChoice::Auto;
    let mut parts: HashMap<usize, (String, bool)> = HashMap::new();
    let mut events = ports.model.stream(request);
    while answer.end.is_none() {
        let mut next = Some(stop.race(events.next()).await?);
        let mut taken = 0;
        while let Some(event) = next.take() {
            take(event, takes_calls, ports, emitter, used, &mut parts, answer);
            taken += 1;
            if answer.end.is_none() && taken < MAX_BATCH {
                next = events.next().now_or_never();
            }
        }
        emitter.flush().await.map_err(Halt::Journal)?;
    }
    Ok(())
}

fn take(
    event: Option<ModelEvent>,
    takes_calls: bool,
    ports: &Ports,
    emitter: &mut Emitter,
    used: &mut UsedIds,
    parts: &mut HashMap<usize, (String, bool)>,
    answer: &mut Answer,
) {
    match event {
        Some(ModelEvent::TextDelta(delta)) => {
            answer.add_text(&delta);
            emitter.text(delta);
        }
        Some(ModelEvent::ReasoningDelta(delta)) => answer.add_reasoning(&delta),
        Some(ModelEvent::ToolCallStart { part, id, name }) if takes_calls => {
            let wire_id = used.wire(&id, ports);
            emitter.start_call(&wire_id, &name);
            parts.insert(part, (wire_id, false));
        }
        Some(ModelEvent::ToolCallDelta { part, json }) => {
            if let Some((wire_id, has_deltas)) = parts.get_mut(&part) {
                *has_deltas = true;
                emitter.call_arguments(wire_id, json);
            }
        }
        Some(ModelEvent::ToolCallEnd {
            part,
            id,
            name,
            arguments,
        }) if takes_calls => {
            let (wire_id, has_deltas) = parts.remove(&part).unwrap_or_else(|| {
                let wire_id = used.wire(&id, ports);
                emitter.start_call(&wire_id, &name);
                (wire_id, false)
            });
            if !has_deltas {
                emitter.call_arguments(&wire_id, arguments.clone());
            }
            emitter.end_call(&wire_id);
            let is_taken = answer.calls.iter().any(|call| call.block_id == id);
            let block_id = if id.is_empty() || is_taken {
                wire_id.clone()
            } else {
                id
            };
            answer.blocks.push(ContentBlock::ToolCall {
                id: block_id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
            });
            answer.calls.push(Call {
                wire_id,
                block_id,
                name,
                arguments,
            });
        }
        Some(ModelEvent::ToolCallStart { .. } | ModelEvent::ToolCallEnd { .. }) => {}
        Some(ModelEvent::Usage {
            input_tokens,
            output_tokens,
        }) => {
            answer.input_tokens = input_tokens.or(answer.input_tokens);
            answer.output_tokens = output_tokens.or(answer.output_tokens);
        }
        Some(ModelEvent::End { stop, replay }) => {
            answer.end = Some(AnswerEnd::Ended { stop, replay })
        }
        Some(ModelEvent::Error(error)) => answer.end = Some(AnswerEnd::Failed(error)),
        None => {
            answer.end = Some(AnswerEnd::Failed(crate::provider_error::truncated()));
        }
    }
}
