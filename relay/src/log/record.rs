//! One record of the log, version 1: `{v, seq, at, runId, kind, body}`. Readers upgrade by `v`; every version keeps a
//! fixture in `relay/tests/fixtures` that each later build must open.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use persai_agent::message::Message;
use persai_protocol::agui::Event;
use serde::{Deserialize, Serialize};

/// Version of the records that this build writes.
pub const RECORD_VERSION: u32 = 1;
/// Largest raw result that is kept, compressed.
pub const MAX_RESULT_BYTES: usize = 2 * 1024 * 1024;
/// Largest raw result that is ever unpacked: what compresses to less than [`MAX_RESULT_BYTES`] may be larger.
const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An AG-UI event as it was sent.
    Agui,
    /// A message in our own content blocks.
    Model,
    /// A raw answer of a datasource.
    Result,
    /// What was given along with a question and is not part of the conversation.
    Context,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agui => "agui",
            Self::Model => "model",
            Self::Result => "result",
            Self::Context => "context",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Agui, Self::Model, Self::Result, Self::Context]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A record before it has a seq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub kind: Kind,
    /// JSON, one line.
    pub body: Arc<str>,
    /// With `result`: the raw answer, deflated.
    pub data: Option<Arc<Vec<u8>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub v: u32,
    pub seq: u64,
    pub at_ms: i64,
    pub run_id: Arc<str>,
    pub kind: Kind,
    pub body: Arc<str>,
    pub data: Option<Arc<Vec<u8>>>,
}

/// Body of a `result` record; the answer itself is in `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultBody {
    pub tool_call_id: String,
    /// Hex, of the raw answer.
    pub sha256: String,
    /// Bytes of the raw answer.
    pub bytes: u64,
    /// Always `deflate` in version 1.
    pub encoding: String,
}

/// Body of a `context` record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextBody {
    /// `foreignHistory`: what a client sent along as earlier messages.
    pub source: String,
    pub text: String,
}

fn json<T: Serialize>(body: &T) -> Arc<str> {
    // Our own plain types with text keys: serialising them cannot fail.
    Arc::from(serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned()))
}

impl NewRecord {
    #[must_use]
    pub fn event(event: &Event) -> Self {
        Self {
            kind: Kind::Agui,
            body: json(event),
            data: None,
        }
    }

    #[must_use]
    pub fn message(message: &Message) -> Self {
        Self {
            kind: Kind::Model,
            body: json(message),
            data: None,
        }
    }

    #[must_use]
    pub fn context(context: &ContextBody) -> Self {
        Self {
            kind: Kind::Context,
            body: json(context),
            data: None,
        }
    }

    /// Compresses a raw answer; `None` where it stays too large to keep.
    #[must_use]
    pub fn result(tool_call_id: &str, sha256: &str, raw: &[u8]) -> Option<Self> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(raw).ok()?;
        let packed = encoder.finish().ok()?;
        if packed.len() > MAX_RESULT_BYTES {
            return None;
        }
        let body = ResultBody {
            tool_call_id: tool_call_id.to_owned(),
            sha256: sha256.to_owned(),
            bytes: raw.len() as u64,
            encoding: "deflate".to_owned(),
        };
        Some(Self {
            kind: Kind::Result,
            body: json(&body),
            data: Some(Arc::new(packed)),
        })
    }
}

impl Record {
    /// The raw answer of a `result` record; `None` where the record is of another kind or cannot be unpacked.
    #[must_use]
    pub fn unpack(&self) -> Option<Vec<u8>> {
        let mut raw = Vec::new();
        DeflateDecoder::new(self.data.as_ref()?.as_slice())
            .take(MAX_UNPACKED_BYTES)
            .read_to_end(&mut raw)
            .ok()?;
        Some(raw)
    }

    /// Bytes of what it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len() + self.data.as_ref().map_or(0, |data| data.len())
    }

    /// Whether this is the event that ends its run.
    #[must_use]
    pub fn ends_run(&self) -> bool {
        // The tag comes first in what we write; the cheap test spares most records the parse.
        self.kind == Kind::Agui
            && self.body.starts_with("{\"type\":\"RUN_")
            && serde_json::from_str::<Event>(&self.body).is_ok_and(|event| event.ends_run())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_packed_and_unpacked() {
        let raw = b"{\"status\":\"success\"}".repeat(1000);
        let new = NewRecord::result("call_1", "ab", &raw).expect("small enough");
        assert!(
            new.data
                .as_ref()
                .is_some_and(|data| data.len() < raw.len() / 10)
        );
        let record = Record {
            v: 1,
            seq: 1,
            at_ms: 0,
            run_id: "r".into(),
            kind: new.kind,
            body: new.body.clone(),
            data: new.data.clone(),
        };
        assert_eq!(record.unpack().as_deref(), Some(raw.as_slice()));
        assert!(new.body.contains("\"toolCallId\":\"call_1\""));
    }

    #[test]
    fn a_result_that_stays_too_large_is_not_kept() {
        // Does not compress: a simple generator's bytes.
        let mut state = 1u64;
        let raw: Vec<u8> = (0..3 * 1024 * 1024)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(NewRecord::result("c", "s", &raw), None);
    }

    #[test]
    fn the_end_of_a_run_is_recognised_by_its_event() {
        let end = Event::RunError {
            message: "m".into(),
            code: None,
            timestamp: None,
        };
        let start = Event::RunStarted {
            thread_id: "t".into(),
            run_id: "r".into(),
            protocol_version: None,
            parent_run_id: None,
            timestamp: None,
        };
        for (event, ends) in [(end, true), (start, false)] {
            let new = NewRecord::event(&event);
            let record = Record {
                v: 1,
                seq: 1,
                at_ms: 0,
                run_id: "r".into(),
                kind: new.kind,
                body: new.body,
                data: None,
            };
            assert_eq!(record.ends_run(), ends);
        }
    }
}
