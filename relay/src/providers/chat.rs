//! OpenAI-compatible chat completions behind the agent's `Model`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::StreamExt;
use futures::stream::BoxStream;
use persai_agent::message::Replay;
use persai_agent::ports::{
    Model, ModelDescription, ModelErrorKind, ModelEvent, ModelRequest, StopReason,
};
use rig_core::DynModel;
use rig_core::completion::FinishReason;
use rig_core::message::{AssistantContent, CallId, ToolCall};
use rig_core::operation::Completion;
use rig_core::providers::openai::wire::{Auth, OpenAIConfig};
use rig_core::streaming::{Item, StreamEvent};
use secrecy::{ExposeSecret, SecretString};

use super::convert::{self, ADAPTER_VERSION, Origin};
use super::errors::{Scrubber, model_error, ours};
use super::transport::{Transport, headers};
use crate::config::{ConfigError, ProviderConfig};

/// Silence of a provider, before its first byte or between two, after which it is given up. Comments count as bytes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

pub struct ChatModel {
    inner: DynModel<Completion>,
    id: String,
    model: String,
    max_output_tokens: Option<u32>,
    scrubber: Arc<Scrubber>,
}

impl ChatModel {
    /// Reads the key; sends nothing.
    pub fn new(config: &ProviderConfig) -> Result<Self, ConfigError> {
        Self::with_idle_timeout(config, IDLE_TIMEOUT)
    }

    fn with_idle_timeout(config: &ProviderConfig, idle: Duration) -> Result<Self, ConfigError> {
        let wrong = |what: String| ConfigError::new(format!("provider {:?}: {what}", config.id));
        let url = &config.base_url;
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(wrong(
                "base_url must hold no user name, password, query or fragment".to_owned(),
            ));
        }
        let key = config.read_api_key()?;
        let headers = headers(
            key.as_ref().map(ExposeSecret::expose_secret),
            config.headers.iter(),
        )
        .map_err(wrong)?;
        let transport = Transport::new(headers, url.scheme() == "https", idle)
            .map_err(|error| wrong(format!("its HTTP client cannot be made: {error}")))?;
        // The library gets no key: the transport sets it.
        let inner = OpenAIConfig::new("")
            .with_auth(Auth::OptionalBearer)
            .with_base_url(url.as_str().trim_end_matches('/'))
            .connect(transport)
            .chat(config.model.clone())
            .with_idle_timeout(None)
            .erase();
        let values = config
            .headers
            .values()
            .map(|value| SecretString::from(value.clone()));
        Ok(Self {
            inner,
            id: config.id.clone(),
            model: config.model.clone(),
            max_output_tokens: config.max_output_tokens,
            scrubber: Arc::new(Scrubber::new(key.into_iter().chain(values).collect())),
        })
    }
}

impl Model for ChatModel {
    fn describe(&self) -> ModelDescription {
        ModelDescription {
            id: self.id.clone(),
            provider: self.id.clone(),
            model: self.model.clone(),
        }
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        let (inner, scrubber) = (self.inner.clone(), Arc::clone(&self.scrubber));
        let (provider, model) = (self.id.clone(), self.model.clone());
        let max_tokens = self.max_output_tokens.unwrap_or(request.max_output_tokens);
        Box::pin(stream! {
            let origin = Origin { provider: &provider, model: &model };
            let request = match convert::request(request, &origin, max_tokens) {
                Ok(request) => request,
                Err(cause) => {
                    yield ModelEvent::Error(ours(ModelErrorKind::InvalidRequest, cause));
                    return;
                }
            };
            let mut answer = match inner.stream(request) {
                Ok(answer) => answer,
                Err(error) => {
                    yield ModelEvent::Error(model_error(&error, &scrubber));
                    return;
                }
            };
            let mut calls = OpenCalls::default();
            while let Some(item) = answer.next().await {
                match item {
                    Ok(Item::Event(event)) => {
                        if let Some(event) = calls.read(event) {
                            yield event;
                        }
                    }
                    // Something of the provider's that has no meaning for us.
                    Ok(Item::Unknown(_)) => {}
                    Err(error) => {
                        yield ModelEvent::Error(model_error(&error, &scrubber));
                        return;
                    }
                }
            }
            let whole = match answer.finish().await {
                Ok(whole) => whole,
                Err(error) => {
                    yield ModelEvent::Error(model_error(&error, &scrubber));
                    return;
                }
            };
            yield ModelEvent::Usage {
                input_tokens: whole.usage.input_tokens,
                output_tokens: whole.usage.output_tokens,
            };
            let replay = whole.message().and_then(|message| serde_json::to_string(&message).ok()).map(|data| Replay {
                provider: provider.clone(),
                model: model.clone(),
                adapter_version: ADAPTER_VERSION,
                data,
            });
            yield ModelEvent::End { stop: stop_reason(whole.finish_reason()), replay };
        })
    }
}

fn stop_reason(reason: Option<FinishReason>) -> StopReason {
    match reason {
        Some(FinishReason::Stop) => StopReason::EndTurn,
        Some(FinishReason::Length) => StopReason::MaxTokens,
        Some(FinishReason::ToolCalls) => StopReason::ToolCalls,
        Some(FinishReason::ContentFilter) => StopReason::Refusal,
        Some(FinishReason::Other(reason)) => StopReason::Other(reason),
        Some(_) | None => StopReason::Other("unknown".to_owned()),
    }
}

/// Calls of one answer that have begun: their ids are made up here, because the provider's comes with the end only.
#[derive(Default)]
struct OpenCalls {
    open: HashMap<usize, OpenCall>,
}

struct OpenCall {
    id: String,
    arguments: String,
}

impl OpenCalls {
    fn read(&mut self, event: StreamEvent) -> Option<ModelEvent> {
        match event {
            StreamEvent::Start {
                part,
                name: Some(name),
                ..
            } => {
                let id = format!("call_{}", uuid::Uuid::new_v4().simple());
                self.open.insert(
                    part.index(),
                    OpenCall {
                        id: id.clone(),
                        arguments: String::new(),
                    },
                );
                Some(ModelEvent::ToolCallStart {
                    part: part.index(),
                    id,
                    name: String::from(name),
                })
            }
            StreamEvent::Text { text, .. } => Some(ModelEvent::TextDelta(text)),
            StreamEvent::Reasoning { text, .. } => Some(ModelEvent::ReasoningDelta(text)),
            StreamEvent::Arguments { part, json } => {
                self.open.get_mut(&part.index())?.arguments.push_str(&json);
                Some(ModelEvent::ToolCallDelta {
                    part: part.index(),
                    json,
                })
            }
            StreamEvent::End {
                part,
                content: AssistantContent::ToolCall(call),
            } => {
                let open = self.open.remove(&part.index());
                let id = open
                    .as_ref()
                    .map_or_else(|| wire_id(&call.id), |open| open.id.clone());
                let sent = open.map(|open| open.arguments).unwrap_or_default();
                let arguments = arguments(&call, sent);
                Some(ModelEvent::ToolCallEnd {
                    part: part.index(),
                    id,
                    name: String::from(call.function.name),
                    arguments,
                })
            }
            _ => None,
        }
    }
}

fn wire_id(id: &CallId) -> String {
    id.wire().into_owned()
}

/// The text as sent where it is an object; what the library unwrapped where it was one within a string; else the text
/// that is none, for the model to be told of.
fn arguments(call: &ToolCall, sent: String) -> String {
    if let Some(invalid) = &call.function.invalid_arguments {
        return invalid.clone();
    }
    if sent.trim_start().starts_with('{') {
        return sent;
    }
    serde_json::Value::Object(call.function.arguments.clone()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use persai_agent::message::{ContentBlock, Message, Role};
    use persai_agent::ports::ToolChoice;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_provider_that_falls_silent_is_given_up() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let word = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
        for said in [String::new(), head.to_owned(), format!("{head}{word}")] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 8192];
                assert!(socket.read(&mut request).await.unwrap() > 0);
                socket.write_all(said.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_secs(30)).await;
            });
            let config = Config::from_toml(&format!(
                "perses_url = \"http://localhost:1\"\n[[providers]]\nid = \"p\"\nkind = \"openaiChat\"\n\
                 base_url = \"http://127.0.0.1:{port}\"\nmodel = \"m\"\n"
            ))
            .unwrap();
            let idle = Duration::from_millis(200);
            let model = ChatModel::with_idle_timeout(&config.providers[0], idle).unwrap();
            let question = Message {
                role: Role::User,
                blocks: vec![ContentBlock::Text { text: "q".into() }],
                replay: None,
            };
            let request = ModelRequest {
                system_prompt: "s".into(),
                messages: vec![question],
                tools: vec![],
                tool_choice: ToolChoice::Auto,
                max_output_tokens: 10,
            };
            let answer = model.stream(request).collect::<Vec<_>>();
            let events = tokio::time::timeout(Duration::from_secs(5), answer)
                .await
                .unwrap();
            let Some(ModelEvent::Error(error)) = events.last() else {
                panic!("{events:?}")
            };
            assert_eq!(
                (error.kind, error.retryable),
                (ModelErrorKind::Timeout, true)
            );
        }
    }
}
