//! Scripts: what the stand-in answers, as data. One JSON file each, in `playground/scripts`.
//!
//! A script is chosen by the request's model name (`model`), else by words of the last user message (`userContains`,
//! in the order of the file names, letter case ignored), else it is the one named `default`. Its rounds follow each
//! other: round n answers a request with n assistant messages after the last user message; the last one answers all
//! further requests, and every request with `tool_choice: "none"`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub model: Option<String>,
    /// One of these is in the last user message.
    #[serde(default)]
    pub user_contains: Vec<String>,
    pub rounds: Vec<Round>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Round {
    #[serde(default)]
    pub steps: Vec<Step>,
    /// False: the stream ends without `[DONE]`.
    #[serde(default = "yes")]
    pub done: bool,
    /// Answers this status with `headers` and `body` instead of a stream.
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Step {
    /// Sent in `pieces` chunks (0: word by word), `pauseMs` apart.
    Text {
        content: String,
        #[serde(default)]
        pieces: usize,
        #[serde(default)]
        pause_ms: u64,
    },
    /// `delta.reasoning_content`, in one chunk.
    Reasoning(String),
    /// A call whose arguments come in `pieces` chunks (0 and 1: one). Text arguments go out as they are.
    ToolCall {
        name: String,
        arguments: Value,
        #[serde(default)]
        pieces: usize,
    },
    /// Waits until the gate of this name is open.
    Gate(String),
    PauseMs(u64),
    /// `finish_reason`. Without one the round ends with `tool_calls` or `stop`.
    Finish(String),
    /// The last one counts; without one the counts are a quarter of the characters.
    Usage {
        input: u64,
        output: u64,
    },
    /// These characters, as they are.
    Raw(String),
    /// The connection breaks here.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Stall,
}

/// What a request asks, as far as scripts look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub model: String,
    pub stream: bool,
    pub include_usage: bool,
    pub last_user_message: String,
    pub round: usize,
    pub no_tools: bool,
    pub body_bytes: usize,
}

impl Asked {
    #[must_use]
    pub fn read(request: &Value, body_bytes: usize) -> Self {
        let empty = Vec::new();
        let messages = request
            .get("messages")
            .and_then(Value::as_array)
            .unwrap_or(&empty);
        let role = |message: &Value| {
            message
                .get("role")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let last_user = messages.iter().rposition(|message| role(message) == "user");
        let after = last_user.map_or(0, |at| at + 1);
        Self {
            model: request
                .get("model")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            stream: request
                .get("stream")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            include_usage: request
                .pointer("/stream_options/include_usage")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            last_user_message: last_user
                .map(|at| text_of(&messages[at]))
                .unwrap_or_default(),
            round: messages
                .iter()
                .skip(after)
                .filter(|message| role(message) == "assistant")
                .count(),
            no_tools: request.get("tool_choice").and_then(Value::as_str) == Some("none"),
            body_bytes,
        }
    }
}

/// `content` is a text, or parts of which the texts count.
fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

#[derive(Debug, Clone, Default)]
pub struct Scripts(Vec<Script>);

impl Scripts {
    /// Every `*.json` of `folder`, by file name.
    ///
    /// # Errors
    /// The folder or a file cannot be read, or is no script.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::with_cause(
                format!("The script {} cannot be used.", path.display()),
                error,
            )
        };
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        });
        paths.sort();
        let mut scripts = Vec::with_capacity(paths.len());
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let script: Script =
                serde_json::from_str(&text).map_err(|error| unreadable(&path, &error))?;
            if script.rounds.is_empty() {
                return Err(unreadable(&path, &"it has no rounds"));
            }
            scripts.push(script);
        }
        Ok(Self(scripts))
    }

    #[must_use]
    pub fn new(scripts: Vec<Script>) -> Self {
        Self(scripts)
    }

    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|script| script.model.as_deref())
    }

    /// The round that answers.
    #[must_use]
    pub fn round(&self, asked: &Asked) -> Option<&Round> {
        let question = asked.last_user_message.to_lowercase();
        let script = self
            .0
            .iter()
            .find(|script| script.model.as_deref() == Some(&asked.model))
            .or_else(|| {
                self.0.iter().find(|script| {
                    script
                        .user_contains
                        .iter()
                        .any(|word| question.contains(&word.to_lowercase()))
                })
            })
            .or_else(|| self.0.iter().find(|script| script.name == "default"))?;
        let last = script.rounds.len().checked_sub(1)?;
        let at = if asked.no_tools {
            last
        } else {
            asked.round.min(last)
        };
        script.rounds.get(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn scripts() -> Scripts {
        let script = |value: Value| serde_json::from_value::<Script>(value).unwrap();
        Scripts::new(vec![
            script(json!({"name": "cpu", "userContains": ["cpu"], "rounds": [
                {"steps": [{"reasoning": "first"}]}, {"steps": [{"reasoning": "second"}]}]})),
            script(json!({"name": "default", "rounds": [{"steps": ["cut"]}]})),
            script(json!({"name": "m", "model": "m", "rounds": [{"steps": ["stall"]}]})),
        ])
    }

    fn steps_for(request: &Value) -> Vec<Step> {
        scripts()
            .round(&Asked::read(request, 0))
            .unwrap()
            .steps
            .clone()
    }

    #[test]
    fn chosen_by_model_then_words_then_default_and_by_round() {
        let user = json!({"role": "user", "content": [{"type": "text", "text": "CPU please"}]});
        let call = json!({"role": "assistant", "content": null, "tool_calls": []});
        let result = json!({"role": "tool", "content": "cpu", "tool_call_id": "1"});
        let first = vec![Step::Reasoning("first".into())];
        let second = vec![Step::Reasoning("second".into())];
        assert_eq!(
            steps_for(&json!({"model": "m", "messages": [user]})),
            vec![Step::Stall]
        );
        assert_eq!(steps_for(&json!({"model": "x", "messages": [user]})), first);
        assert_eq!(
            steps_for(&json!({"model": "x", "messages": [user, call, result]})),
            second
        );
        assert_eq!(
            steps_for(&json!({"model": "x", "messages": [user, call, result, call, result]})),
            second
        );
        assert_eq!(
            steps_for(&json!({"model": "x", "messages": [user, call, user]})),
            first,
            "a new turn"
        );
        assert_eq!(
            steps_for(&json!({"model": "x", "messages": [user], "tool_choice": "none"})),
            second
        );
        let other = json!({"role": "user", "content": "hello"});
        assert_eq!(
            steps_for(&json!({"model": "x", "messages": [user, other]})),
            vec![Step::Cut]
        );
    }
}
