//! Folding: deltas of a message, or of a tool call's arguments, become one record with the last one's seq.
//!
//! A reader may come back with the seq of any delta that it was ever sent. So a folded record remembers where each of
//! its parts ended, and is cut there for a reader who has the front of it already.

use std::sync::Arc;

use persai_protocol::agui::Event;
use serde::{Deserialize, Serialize};

use super::record::Record;

/// A folded delta is closed once it has so many bytes, so that events stay bounded.
const MAX_FOLDED_BYTES: usize = 64 * 1024;

/// Where one part of a folded delta ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub seq: u64,
    /// Byte offset in the folded delta, exclusive.
    pub end: usize,
}

/// Replaces the records at `removed` by one at `seq`, which is the last of them and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    pub seq: u64,
    pub removed: Vec<u64>,
    pub body: Arc<str>,
    pub parts: Vec<Part>,
}

/// A stored delta, read for folding.
enum Delta {
    Text { message_id: String, delta: String },
    Arguments { tool_call_id: String, delta: String },
}

impl Delta {
    fn read(body: &str) -> Option<Self> {
        // The tag comes first in what we write; spares the other events the parse.
        if !body.starts_with("{\"type\":\"TEXT_MESSAGE_CONTENT\"")
            && !body.starts_with("{\"type\":\"TOOL_CALL_ARGS\"")
        {
            return None;
        }
        match serde_json::from_str(body).ok()? {
            Event::TextMessageContent { message_id, delta } => {
                Some(Self::Text { message_id, delta })
            }
            Event::ToolCallArgs {
                tool_call_id,
                delta,
            } => Some(Self::Arguments {
                tool_call_id,
                delta,
            }),
            _ => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text { delta, .. } | Self::Arguments { delta, .. } => delta,
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Text { delta, .. } | Self::Arguments { delta, .. } => delta,
        }
    }

    fn same_stream(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text { message_id: a, .. }, Self::Text { message_id: b, .. }) => a == b,
            (
                Self::Arguments {
                    tool_call_id: a, ..
                },
                Self::Arguments {
                    tool_call_id: b, ..
                },
            ) => a == b,
            _ => false,
        }
    }

    fn into_body(self) -> Arc<str> {
        let event = match self {
            Self::Text { message_id, delta } => Event::TextMessageContent { message_id, delta },
            Self::Arguments {
                tool_call_id,
                delta,
            } => Event::ToolCallArgs {
                tool_call_id,
                delta,
            },
        };
        Arc::from(serde_json::to_string(&event).unwrap_or_else(|_| "null".to_owned()))
    }
}

/// Plans the folds of one run, given all its events in order.
///
/// Only deltas that follow each other directly are joined. With another event between them, its seq would not tell
/// whether a reader who has come that far was sent the deltas before it, or is still to be sent them joined.
#[derive(Default)]
pub struct Folder {
    open: Option<(Delta, Vec<Part>)>,
    done: Vec<Fold>,
}

impl Folder {
    pub fn push(&mut self, record: &Record) {
        let Some(delta) = Delta::read(&record.body) else {
            return self.close();
        };
        if let Some((whole, parts)) = &mut self.open
            && whole.same_stream(&delta)
            && whole.text().len() + delta.text().len() <= MAX_FOLDED_BYTES
        {
            whole.text_mut().push_str(delta.text());
            parts.push(Part {
                seq: record.seq,
                end: whole.text().len(),
            });
            return;
        }
        self.close();
        let parts = vec![Part {
            seq: record.seq,
            end: delta.text().len(),
        }];
        self.open = Some((delta, parts));
    }

    fn close(&mut self) {
        let Some((delta, mut parts)) = self.open.take() else {
            return;
        };
        // One part alone is left as it is.
        let (Some(last), false) = (parts.pop(), parts.is_empty()) else {
            return;
        };
        let removed = parts.iter().map(|part| part.seq).collect();
        self.done.push(Fold {
            seq: last.seq,
            removed,
            body: delta.into_body(),
            parts,
        });
    }

    #[must_use]
    pub fn finish(mut self) -> Vec<Fold> {
        self.close();
        self.done
    }
}

/// The body of a folded record for a reader who has everything up to `after`. `parts` are all but the last one.
#[must_use]
pub fn cut(body: &str, parts: &[Part], after: u64) -> Option<Arc<str>> {
    let known = parts.iter().rev().find(|part| part.seq <= after)?;
    let mut delta = Delta::read(body)?;
    let rest = delta.text().get(known.end..)?.to_owned();
    *delta.text_mut() = rest;
    Some(delta.into_body())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::{Kind, NewRecord};

    fn text(seq: u64, message: &str, delta: &str) -> Record {
        let event = Event::TextMessageContent {
            message_id: message.into(),
            delta: delta.into(),
        };
        Record {
            v: 1,
            seq,
            at_ms: 0,
            run_id: "r".into(),
            kind: Kind::Agui,
            body: NewRecord::event(&event).body,
            data: None,
        }
    }

    #[test]
    fn deltas_of_one_message_become_one_with_the_last_seq() {
        let mut folder = Folder::default();
        for record in [
            text(2, "b", "x"),
            text(3, "a", "Hé"),
            text(5, "a", "llo"),
            text(9, "a", " wörld"),
            text(10, "b", "x"),
        ] {
            folder.push(&record);
        }
        let folds = folder.finish();
        assert_eq!(folds.len(), 1, "a lone delta stays");
        let fold = &folds[0];
        assert_eq!((fold.seq, fold.removed.clone()), (9, vec![3, 5]));
        assert!(fold.body.contains("Héllo wörld"));
        assert_eq!(
            cut(&fold.body, &fold.parts, 2),
            None,
            "whole for a reader who has none of it"
        );
        assert!(cut(&fold.body, &fold.parts, 3).is_some_and(|body| body.contains("\"llo wörld\"")));
        assert!(cut(&fold.body, &fold.parts, 7).is_some_and(|body| body.contains("\" wörld\"")));
    }

    #[test]
    fn a_folded_delta_stays_bounded() {
        let mut folder = Folder::default();
        for seq in 1..=20 {
            folder.push(&text(seq, "a", &"x".repeat(10_000)));
        }
        let folds = folder.finish();
        assert_eq!(folds.len(), 4);
        assert!(
            folds
                .iter()
                .all(|fold| fold.body.len() < MAX_FOLDED_BYTES + 200)
        );
        assert_eq!(
            folds
                .iter()
                .map(|fold| fold.removed.len() + 1)
                .sum::<usize>(),
            20
        );
    }
}
