//! The shim's commands.

use serde_json::Value;

use super::{Fields, json, selector, time_range};
use crate::view::{Command, HostEnv};

/// Reads a command; `None` where it is none of [`Command`].
#[must_use]
pub fn read(text: &str) -> Option<Command> {
    let value = json(text)?;
    let tool_call_id = || value.text("toolCallId");
    Some(match value.get("type")?.as_str()? {
        "start" => Command::Start {
            env: env(value.get("env")?)?,
        },
        "setTimeRange" => Command::SetTimeRange {
            time_range: time_range(value.get("timeRange")?)?,
            utc_offset_minutes: utc_offset(&value)?,
        },
        "setSuggestedStep" => Command::SetSuggestedStep {
            step_ms: value.int("stepMs")?,
        },
        "selectDatasources" => {
            let all = value.get("names")?.as_array()?;
            Command::SelectDatasources {
                names: all.iter().map(selector).collect::<Option<_>>()?,
            }
        }
        "selectModel" => Command::SelectModel {
            id: value.text("id")?,
        },
        "ask" => Command::Ask {
            text: value.text("text")?,
        },
        "stop" => Command::Stop,
        "newConversation" => Command::NewConversation,
        "openConversation" => Command::OpenConversation {
            id: value.text("id")?,
        },
        "retry" => Command::Retry,
        "setPanelKinds" => {
            value.get("kinds")?.as_array()?;
            Command::SetPanelKinds {
                kinds: value.texts("kinds"),
            }
        }
        "choosePanelKind" => Command::ChoosePanelKind {
            tool_call_id: tool_call_id()?,
            kind: value.text("kind")?,
        },
        "toggleTool" => Command::ToggleTool {
            tool_call_id: tool_call_id()?,
        },
        "visibility" => Command::Visibility {
            hidden: value.flag("hidden")?,
        },
        _ => return None,
    })
}

fn env(value: &Value) -> Option<HostEnv> {
    Some(HostEnv {
        api_prefix: value.text("apiPrefix")?,
        plugin_base: value.text("pluginBase")?,
        origin: value.text("origin")?,
        time_range: time_range(value.get("timeRange")?)?,
        utc_offset_minutes: utc_offset(value)?,
    })
}

fn utc_offset(value: &Value) -> Option<i32> {
    i32::try_from(value.int("utcOffsetMinutes")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_every_command_as_it_is_written() {
        let range = json!({"startMs": 1, "endMs": 2});
        let samples = [
            json!({"type": "start", "env": {"apiPrefix": "", "pluginBase": "/p/", "origin": "https://x",
                "timeRange": range, "utcOffsetMinutes": -60}}),
            json!({"type": "setTimeRange", "timeRange": range, "utcOffsetMinutes": 345}),
            json!({"type": "setSuggestedStep", "stepMs": 15_000}),
            json!({"type": "selectDatasources", "names": [{"kind": "k", "name": "n"}, {"kind": "k", "name": "m", "project": "p"}]}),
            json!({"type": "selectModel", "id": "b"}),
            json!({"type": "ask", "text": "Why?"}),
            json!({"type": "stop"}),
            json!({"type": "newConversation"}),
            json!({"type": "openConversation", "id": "c"}),
            json!({"type": "retry"}),
            json!({"type": "setPanelKinds", "kinds": ["A", "B"]}),
            json!({"type": "choosePanelKind", "toolCallId": "t", "kind": "A"}),
            json!({"type": "toggleTool", "toolCallId": "t"}),
            json!({"type": "visibility", "hidden": true}),
        ];
        for sample in samples {
            let derived: Command = serde_json::from_value(sample.clone()).expect("a good sample");
            assert_eq!(read(&sample.to_string()), Some(derived.clone()), "{sample}");
            // Exhaustive: a new command has to be added to the samples, and so to the reader.
            match derived {
                Command::Start { .. }
                | Command::SetTimeRange { .. }
                | Command::SetSuggestedStep { .. } => {}
                Command::SelectDatasources { .. }
                | Command::SelectModel { .. }
                | Command::Ask { .. } => {}
                Command::Stop
                | Command::NewConversation
                | Command::OpenConversation { .. }
                | Command::Retry => {}
                Command::SetPanelKinds { .. }
                | Command::ChoosePanelKind { .. }
                | Command::ToggleTool { .. } => {}
                Command::Visibility { .. } => {}
            }
        }
        for bad in [
            "{",
            "[]",
            "5",
            r#"{"type":"ask"}"#,
            r#"{"type":"nothing"}"#,
            r#"{"type":"visibility","hidden":1}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
