//! A scripted HTTP server on a real socket, and a model that asks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use persai_agent::message::{ContentBlock, Message, Role, ToolDefinition};
use persai_agent::ports::{Model, ModelError, ModelEvent, ModelRequest, StopReason, ToolChoice};
use persai_relay::config::Config;
use persai_relay::providers::Models;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server does with a connection once it has read the request.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Every byte in its own write.
    Bytes(Vec<u8>),
    /// The same bytes again and again, at most so many times.
    Repeat(Vec<u8>, usize),
    Wait(Duration),
    /// An RST instead of an orderly end.
    Reset,
    /// Keeps the connection open until the client closes it.
    Hold,
}

pub const SSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

pub fn sse(body: &str) -> Vec<Step> {
    vec![Step::Send(format!("{SSE}{body}").into_bytes())]
}

/// One `data:` event per chunk, and `[DONE]`.
pub fn chunks(chunks: &[&str]) -> String {
    let mut body: String = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    body.push_str("data: [DONE]\n\n");
    body
}

pub fn delta(delta: &str) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta}}}]}}"#
    )
}

pub fn finish(reason: &str) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#
    )
}

pub const USAGE: &str = r#"{"id":"c1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}"#;

pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    sent: Arc<Mutex<usize>>,
    closed: watch::Receiver<bool>,
}

impl Server {
    pub async fn start(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::new(Mutex::new(0));
        let (closer, closed) = watch::channel(false);
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                serve(socket, &script, &seen, &count).await;
                let _ = closer.send(true);
            }
        });
        Self {
            port,
            requests,
            sent,
            closed,
        }
    }

    /// Head and body of every request, as they came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn body(&self) -> serde_json::Value {
        let requests = self.requests();
        let (_, body) = requests[0].split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    pub fn sent_bytes(&self) -> usize {
        *self.sent.lock().unwrap()
    }

    /// Waits until a connection has come to its end.
    pub async fn closed(&mut self) {
        self.closed.wait_for(|closed| *closed).await.unwrap();
    }
}

async fn serve(
    mut socket: TcpStream,
    script: &[Step],
    requests: &Mutex<Vec<String>>,
    sent: &Mutex<usize>,
) {
    let Some(request) = read_request(&mut socket).await else {
        return;
    };
    requests.lock().unwrap().push(request);
    for step in script {
        let ok = match step {
            Step::Send(bytes) => write(&mut socket, bytes, sent).await,
            Step::Bytes(bytes) => {
                socket.set_nodelay(true).unwrap();
                let mut ok = true;
                for byte in bytes {
                    ok = ok && write(&mut socket, &[*byte], sent).await;
                    tokio::task::yield_now().await;
                }
                ok
            }
            Step::Repeat(bytes, times) => {
                let mut ok = true;
                for _ in 0..*times {
                    ok = ok && write(&mut socket, bytes, sent).await;
                    if !ok {
                        break;
                    }
                }
                ok
            }
            Step::Wait(wait) => {
                tokio::time::sleep(*wait).await;
                true
            }
            Step::Reset => {
                #[allow(deprecated)]
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
            Step::Hold => {
                let mut byte = [0];
                // Ends with 0 or an error once the client is gone.
                let _ = socket.read(&mut byte).await;
                return;
            }
        };
        if !ok {
            return;
        }
    }
}

async fn write(socket: &mut TcpStream, bytes: &[u8], sent: &Mutex<usize>) -> bool {
    let ok = socket.write_all(bytes).await.is_ok() && socket.flush().await.is_ok();
    *sent.lock().unwrap() += bytes.len();
    ok
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = socket.read(&mut buffer).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
    }
}

/// The models of a configuration with one provider at `port`; `more` are further lines of its entry.
pub fn models(port: u16, more: &str) -> Models {
    let config = Config::from_toml(&format!(
        "perses_url = \"http://localhost:1\"\n[[providers]]\nid = \"test\"\nkind = \"openaiChat\"\n\
         base_url = \"http://127.0.0.1:{port}/v1\"\nmodel = \"m1\"\n{more}"
    ))
    .unwrap();
    Models::from_config(&config).unwrap()
}

pub fn model(port: u16) -> Arc<dyn Model> {
    models(port, "").get("test").unwrap()
}

pub fn user(text: &str) -> Message {
    Message {
        role: Role::User,
        blocks: vec![ContentBlock::Text { text: text.into() }],
        replay: None,
    }
}

pub fn ask(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        system_prompt: "Be short.".into(),
        messages,
        tools: vec![ToolDefinition {
            name: "query_metrics".into(),
            description: "Runs a query.".into(),
            input_schema: serde_json::json!({
                "type": "object", "properties": {"query": {"type": "string"}, "a": {"type": "integer"}}, "required": ["query"]
            }),
        }],
        tool_choice: ToolChoice::Auto,
        max_output_tokens: 500,
    }
}

/// All events of one answer; fails after 20 s.
pub async fn events(model: &dyn Model, request: ModelRequest) -> Vec<ModelEvent> {
    let all = model.stream(request).collect();
    tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .expect("the answer does not end")
}

/// The events of an answer to a plain question by a server with this script.
pub async fn answer(script: Vec<Step>) -> (Vec<ModelEvent>, Server) {
    let server = Server::start(script).await;
    let events = events(model(server.port).as_ref(), ask(vec![user("hi")])).await;
    (events, server)
}

pub fn text(events: &[ModelEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::TextDelta(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// (name, arguments) of the calls that ended.
pub fn calls(events: &[ModelEvent]) -> Vec<(String, String)> {
    events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::ToolCallEnd {
                name, arguments, ..
            } => Some((name.clone(), arguments.clone())),
            _ => None,
        })
        .collect()
}

pub fn stop(events: &[ModelEvent]) -> StopReason {
    match events.last() {
        Some(ModelEvent::End { stop, .. }) => stop.clone(),
        other => panic!("the answer did not end well: {other:?}"),
    }
}

/// The error, which must be the last event.
pub fn error(events: &[ModelEvent]) -> ModelError {
    let errors = events
        .iter()
        .filter(|event| matches!(event, ModelEvent::Error(_)))
        .count();
    assert_eq!(errors, 1, "{events:?}");
    match events.last() {
        Some(ModelEvent::Error(error)) => error.clone(),
        other => panic!("the answer did not end with its error: {other:?}"),
    }
}

/// A piece of tool calls; `index` is `"index":0,` or empty.
pub fn call_delta(index: &str, rest: &str) -> String {
    delta(&format!(r#"{{"tool_calls":[{{{index}{rest}}}]}}"#))
}
