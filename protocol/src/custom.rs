//! Our additions to AG-UI: `CUSTOM` events named `persai.*`, one versioned enum.
//!
//! A reader shows [`Custom::Unknown`] as nothing, so that an older plugin survives a newer relay.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::agui::Event;
use crate::evidence::{DatasourceSelector, Evidence};

// Evidence comes once a tool call and is moved, not kept in lists: a box would only be in the readers' way.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Custom {
    /// `persai.turn`: the question that a run answers; follows `RUN_STARTED`.
    Turn(Turn),
    /// `persai.evidence`
    Evidence(Evidence),
    /// `persai.toolOutcome`: how a tool call went; comes before its `TOOL_CALL_RESULT`.
    ToolOutcome(ToolOutcome),
    /// `persai.notice`: something the reader must know of this run (a budget that ended it, a fallback).
    Notice(Notice),
    /// `persai.superseded`: messages that recovery replaced; leave them out.
    Superseded(Superseded),
    /// `persai.reset`: the client is ahead of the log; forget the conversation and read it again from 0. Not stored.
    Reset,
    /// `persai.caughtUp`: what comes now is live. Conversation streams only, not stored, without an id.
    CaughtUp(CaughtUp),
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    pub v: u32,
    pub message_id: String,
    pub question: String,
    pub datasources: Vec<DatasourceSelector>,
    pub time_range: TimeRange,
    /// Minutes to add to UTC to get the asker's local time (Kathmandu: 345).
    pub utc_offset_minutes: i32,
    /// Id of the model as in the capabilities.
    pub model: String,
    pub at_ms: i64,
}

/// Absolute, in UTC milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeRange {
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub start_ms: i64,
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub end_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolOutcome {
    pub v: u32,
    pub tool_call_id: String,
    pub ok: bool,
    pub duration_ms: u64,
    /// Where it failed: a code of [`crate::error::ErrorCode`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// One sentence for the user: what failed, or what was found ("3 metrics").
    pub summary: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub v: u32,
    /// A code of [`crate::error::ErrorCode`].
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Superseded {
    pub v: u32,
    pub message_ids: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaughtUp {
    pub v: u32,
    /// Last seq of the history that was sent; 0 where there is none.
    pub seq: u64,
}

impl Custom {
    /// Reads a `CUSTOM` event; a foreign name, a newer version or an unreadable value is [`Custom::Unknown`].
    #[must_use]
    pub fn read(name: &str, value: &Value) -> Self {
        fn of<T: DeserializeOwned>(value: &Value, wrap: impl FnOnce(T) -> Custom) -> Custom {
            if value.get("v").and_then(Value::as_u64) != Some(1) {
                return Custom::Unknown;
            }
            T::deserialize(value).map_or(Custom::Unknown, wrap)
        }
        match name {
            "persai.turn" => of(value, Self::Turn),
            "persai.evidence" => of(value, Self::Evidence),
            "persai.toolOutcome" => of(value, Self::ToolOutcome),
            "persai.notice" => of(value, Self::Notice),
            "persai.superseded" => of(value, Self::Superseded),
            "persai.reset" => Self::Reset,
            "persai.caughtUp" => of(value, Self::CaughtUp),
            _ => Self::Unknown,
        }
    }

    /// The `CUSTOM` event of this addition; `None` for [`Custom::Unknown`].
    #[must_use]
    pub fn into_event(self) -> Option<Event> {
        fn value<T: Serialize>(body: &T) -> Value {
            // Our own plain structs: serialising them cannot fail; Null would be read back as Unknown.
            serde_json::to_value(body).unwrap_or(Value::Null)
        }
        let (name, value) = match &self {
            Self::Turn(body) => ("persai.turn", value(body)),
            Self::Evidence(body) => ("persai.evidence", value(body)),
            Self::ToolOutcome(body) => ("persai.toolOutcome", value(body)),
            Self::Notice(body) => ("persai.notice", value(body)),
            Self::Superseded(body) => ("persai.superseded", value(body)),
            Self::Reset => ("persai.reset", serde_json::json!({"v": 1})),
            Self::CaughtUp(body) => ("persai.caughtUp", value(body)),
            Self::Unknown => return None,
        };
        Some(Event::Custom {
            name: name.to_owned(),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_unknown() {
        let notice = Custom::Notice(Notice {
            v: 1,
            code: "budgetSpent".into(),
            message: "m".into(),
            hint: None,
        });
        let Some(Event::Custom { name, value }) = notice.clone().into_event() else {
            panic!("not custom")
        };
        assert_eq!(name, "persai.notice");
        assert!(value.get("hint").is_none(), "absent, not null");
        assert_eq!(Custom::read(&name, &value), notice);
        assert_eq!(
            Custom::read("persai.notice", &serde_json::json!({"v": 2})),
            Custom::Unknown
        );
        assert_eq!(
            Custom::read("persai.future", &serde_json::json!({"v": 1})),
            Custom::Unknown
        );
    }
}
