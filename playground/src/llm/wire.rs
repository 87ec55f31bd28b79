//! The provider's wire: chunks of `chat.completion.chunk` in server-sent events.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::gates::Gates;
use super::script::{Asked, Round, Step};
use crate::record::now_ms;

type Chunks = Sender<Result<Bytes, io::Error>>;

/// The reader went away, or the script broke the connection.
struct Ended;

/// Sends `round` until it ends or the reader goes away.
pub async fn send_round(round: &Round, asked: &Asked, gates: &Gates, to: &Chunks) {
    let mut answer = Answer {
        to,
        id: format!("chatcmpl-{}", now_ms()),
        model: asked.model.clone(),
        include_usage: asked.include_usage,
        calls: 0,
        finished: false,
        written_chars: 0,
        usage: None,
    };
    // A reader that went away is no error of the stand-in.
    let _ = answer.send(round, asked, gates).await;
}

struct Answer<'a> {
    to: &'a Chunks,
    id: String,
    model: String,
    include_usage: bool,
    calls: usize,
    finished: bool,
    written_chars: u64,
    usage: Option<(u64, u64)>,
}

impl Answer<'_> {
    async fn send(&mut self, round: &Round, asked: &Asked, gates: &Gates) -> Result<(), Ended> {
        self.delta(json!({"role": "assistant", "content": ""}))
            .await?;
        for step in &round.steps {
            self.step(step, gates).await?;
        }
        if !self.finished {
            let reason = if self.calls > 0 { "tool_calls" } else { "stop" };
            self.finish(reason).await?;
        }
        if self.include_usage {
            let (input, output) = self
                .usage
                .unwrap_or((asked.body_bytes as u64 / 4, self.written_chars / 4));
            let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
            self.chunk(json!([]), usage).await?;
        }
        if round.done {
            self.raw("data: [DONE]\n\n".to_owned()).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step, gates: &Gates) -> Result<(), Ended> {
        match step {
            Step::Text {
                content,
                pieces,
                pause_ms,
            } => {
                for piece in split(content, *pieces) {
                    self.written_chars += piece.chars().count() as u64;
                    self.delta(json!({"content": piece})).await?;
                    self.unless_closed(tokio::time::sleep(Duration::from_millis(*pause_ms)))
                        .await?;
                }
                Ok(())
            }
            Step::Reasoning(text) => self.delta(json!({"reasoning_content": text})).await,
            Step::ToolCall {
                name,
                arguments,
                pieces,
            } => self.tool_call(name, arguments, *pieces).await,
            Step::Gate(name) => self.unless_closed(gates.pass(name)).await,
            Step::PauseMs(millis) => {
                self.unless_closed(tokio::time::sleep(Duration::from_millis(*millis)))
                    .await
            }
            Step::Finish(reason) => self.finish(reason).await,
            Step::Usage { input, output } => {
                self.usage = Some((*input, *output));
                Ok(())
            }
            Step::Raw(text) => self.raw(text.clone()).await,
            Step::Cut => {
                let _ = self
                    .to
                    .send(Err(io::Error::new(
                        io::ErrorKind::ConnectionReset,
                        "cut by the script",
                    )))
                    .await;
                Err(Ended)
            }
            Step::Stall => {
                self.to.closed().await;
                Err(Ended)
            }
        }
    }

    /// The first chunk has id and name, the arguments follow in pieces, all with the call's index.
    async fn tool_call(
        &mut self,
        name: &str,
        arguments: &Value,
        pieces: usize,
    ) -> Result<(), Ended> {
        let index = self.calls;
        self.calls += 1;
        let arguments = match arguments {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.written_chars += arguments.chars().count() as u64;
        let id = format!("call_{}_{index}", self.id.trim_start_matches("chatcmpl-"));
        let function = json!({"name": name, "arguments": ""});
        self.delta(json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})).await?;
        for piece in split(&arguments, pieces.max(1)) {
            self.delta(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
                .await?;
        }
        Ok(())
    }

    async fn finish(&mut self, reason: &str) -> Result<(), Ended> {
        self.finished = true;
        self.chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": reason}]),
            Value::Null,
        )
        .await
    }

    async fn delta(&mut self, delta: Value) -> Result<(), Ended> {
        self.chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": null}]),
            Value::Null,
        )
        .await
    }

    async fn chunk(&mut self, choices: Value, usage: Value) -> Result<(), Ended> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": now_ms() / 1000,
            "model": self.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = usage;
        }
        self.raw(format!("data: {chunk}\n\n")).await
    }

    async fn raw(&mut self, text: String) -> Result<(), Ended> {
        self.to.send(Ok(Bytes::from(text))).await.map_err(|_| Ended)
    }

    async fn unless_closed(&self, wait: impl Future<Output = ()>) -> Result<(), Ended> {
        tokio::select! {
            () = wait => Ok(()),
            () = self.to.closed() => Err(Ended),
        }
    }
}

/// `pieces` parts of about equal length at character borders; 0: word by word, the space before its word.
fn split(text: &str, pieces: usize) -> Vec<String> {
    if pieces == 0 {
        let mut words: Vec<String> = Vec::new();
        for part in text.split_inclusive(' ') {
            words.push(part.to_owned());
        }
        return words;
    }
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len().div_ceil(pieces).max(1);
    characters
        .chunks(length)
        .map(|part| part.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn pieces_join_to_the_whole() {
        let text = "Größe: 12 %, done.";
        for pieces in 0..25 {
            assert_eq!(split(text, pieces).concat(), text, "{pieces}");
        }
        assert_eq!(split("abcd", 2), ["ab", "cd"]);
        assert!(split("", 3).is_empty());
    }
}
