//! Our messages as the provider library takes them. What it would repair silently (calls without results, results
//! without calls, two answers in a row) is put right or refused here.

use std::collections::HashMap;
use std::sync::Arc;

use persai_agent::message::{ContentBlock, Message, Replay, Role};
use persai_agent::ports::{ModelRequest, ToolChoice};
use rig_core::completion::{CompletionRequest, ToolDefinition};
use rig_core::conversation::pairing;
use rig_core::message::{
    AssistantContent, AssistantMessage, CallId, Message as RigMessage, ToolCall,
    ToolChoice as RigToolChoice, ToolFunction, ToolName, ToolResult, ToolResultContent,
    UserContent,
};

/// Version of what [`Replay::data`] holds; a blob of another version is not used.
pub const ADAPTER_VERSION: u32 = 1;

/// Who an exact replay has to come from.
pub struct Origin<'a> {
    pub provider: &'a str,
    pub model: &'a str,
}

impl Origin<'_> {
    fn wrote(&self, replay: &Replay) -> bool {
        replay.provider == self.provider
            && replay.model == self.model
            && replay.adapter_version == ADAPTER_VERSION
    }
}

/// The request as it is sent.
///
/// # Errors
/// A sentence for the operator: the history has no form that a provider would take.
pub fn request(
    request: ModelRequest,
    origin: &Origin<'_>,
    max_tokens: u32,
) -> Result<CompletionRequest, String> {
    let mut history = vec![RigMessage::System {
        content: request.system_prompt,
    }];
    let mut calls = Calls::default();
    for message in request.messages {
        match message.role {
            Role::User => push_user(&mut history, user(message, &calls)?),
            Role::Assistant => {
                push_assistant(&mut history, assistant(message, origin, &mut calls)?)
            }
        }
    }
    pairing::validate(&history).map_err(|error| error.to_string())?;
    let tools = request
        .tools
        .into_iter()
        .map(tool)
        .collect::<Result<Vec<_>, _>>()?;
    let choice = match request.tool_choice {
        ToolChoice::Auto => RigToolChoice::Auto,
        ToolChoice::None => RigToolChoice::None,
    };
    let mut out = CompletionRequest::new("");
    out.chat_history = history.into_iter().map(Arc::new).collect();
    out.tool_choice = (!tools.is_empty()).then_some(choice);
    out.tools = tools;
    out.max_tokens = Some(u64::from(max_tokens));
    Ok(out)
}

/// Calls that were made so far: our id → the library's id and the tool's name.
#[derive(Default)]
struct Calls(HashMap<String, (CallId, ToolName)>);

fn tool(tool: persai_agent::message::ToolDefinition) -> Result<Arc<ToolDefinition>, String> {
    let name = tool_name(&tool.name)?;
    Ok(Arc::new(ToolDefinition::new(
        name,
        tool.description,
        tool.input_schema,
    )))
}

fn tool_name(name: &str) -> Result<ToolName, String> {
    ToolName::new(name).map_err(|error| error.to_string())
}

fn user(message: Message, calls: &Calls) -> Result<Vec<UserContent>, String> {
    let mut content = Vec::new();
    for block in message.blocks {
        match block {
            ContentBlock::Text { text } if !text.trim().is_empty() => {
                content.push(UserContent::text(text))
            }
            ContentBlock::ToolResult(result) => {
                let (call, name) = calls.0.get(&result.tool_call_id).cloned().ok_or_else(|| {
                    format!("a result answers no call: {:?}", result.tool_call_id)
                })?;
                let content_of = vec![ToolResultContent::text(result.content)];
                content.push(UserContent::ToolResult(ToolResult {
                    call,
                    name,
                    content: content_of,
                    is_error: result.is_error,
                }));
            }
            _ => {}
        }
    }
    Ok(content)
}

fn assistant(
    message: Message,
    origin: &Origin<'_>,
    calls: &mut Calls,
) -> Result<AssistantMessage, String> {
    let ours: Vec<(&String, &String)> = message
        .blocks
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ToolCall { id, name, .. } => Some((id, name)),
            _ => None,
        })
        .collect();
    if let Some(replayed) = message
        .replay
        .as_ref()
        .filter(|replay| origin.wrote(replay))
        .and_then(replayed)
        && replayed.tool_calls().count() == ours.len()
    {
        for ((id, _), call) in ours.iter().zip(replayed.tool_calls()) {
            calls
                .0
                .insert((*id).clone(), (call.id.clone(), call.function.name.clone()));
        }
        return Ok(replayed);
    }
    for (id, name) in ours {
        calls.0.insert(
            id.clone(),
            (CallId::from_wire(id.clone()), tool_name(name)?),
        );
    }
    let mut content = Vec::new();
    for block in message.blocks {
        match block {
            ContentBlock::Text { text } if !text.is_empty() => {
                content.push(AssistantContent::Text(text.into()))
            }
            ContentBlock::ToolCall {
                id,
                name,
                arguments,
            } => {
                let function = ToolFunction::parse(tool_name(&name)?, &arguments);
                content.push(AssistantContent::ToolCall(ToolCall::new(
                    CallId::from_wire(id),
                    function,
                )));
            }
            // Reasoning of another model would go out as plain text; it stays here.
            _ => {}
        }
    }
    Ok(AssistantMessage::new(content))
}

/// An unreadable blob is no error: the blocks are the truth.
fn replayed(replay: &Replay) -> Option<AssistantMessage> {
    match serde_json::from_str(&replay.data).ok()? {
        RigMessage::Assistant(message) => Some(message),
        _ => None,
    }
}

/// Two user messages in a row (a question whose run failed, and the next one) become one: some servers refuse them.
fn push_user(history: &mut Vec<RigMessage>, content: Vec<UserContent>) {
    if content.is_empty() {
        return;
    }
    if let Some(RigMessage::User { content: before }) = history.last_mut() {
        before.extend(content);
    } else {
        history.push(RigMessage::User { content });
    }
}

fn push_assistant(history: &mut Vec<RigMessage>, message: AssistantMessage) {
    if message.is_empty_turn() {
        return;
    }
    if let Some(RigMessage::Assistant(before)) = history.last_mut() {
        before.content.extend(message.content);
    } else {
        history.push(RigMessage::Assistant(message));
    }
}
