//! Folding: the deltas of a message, or of a tool call's arguments, become one record with the last one's seq.
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

/// Plans the folds of one run, given record by record in order.
#[derive(Default)]
pub struct Folder {
    open: Vec<(Delta, Vec<Part>)>,
    done: Vec<Fold>,
}

impl Folder {
    pub fn push(&mut self, record: &Record) {
        let Some(delta) = Delta::read(&record.body) else {
            return;
        };
        let open = self
            .open
            .iter()
            .position(|(other, _)| other.same_stream(&delta));
        if let Some(index) = open {
            let (whole, parts) = &mut self.open[index];
            if whole.text().len() + delta.text().len() <= MAX_FOLDED_BYTES {
                whole.text_mut().push_str(delta.text());
                parts.push(Part {
                    seq: record.seq,
                    end: whole.text().len(),
                });
                return;
            }
            let full = self.open.swap_remove(index);
            self.close(full);
        }
        let parts = vec![Part {
            seq: record.seq,
            end: delta.text().len(),
        }];
        self.open.push((delta, parts));
    }

    fn close(&mut self, (delta, mut parts): (Delta, Vec<Part>)) {
        // One part alone is left as it is.
        let (Some(last), true) = (parts.last().copied(), parts.len() > 1) else {
            return;
        };
        let removed = parts
            .iter()
            .map(|part| part.seq)
            .filter(|seq| *seq != last.seq)
            .collect();
        parts.pop();
        self.done.push(Fold {
            seq: last.seq,
            removed,
            body: delta.into_body(),
            parts,
        });
    }

    #[must_use]
    pub fn finish(mut self) -> Vec<Fold> {
        for open in std::mem::take(&mut self.open) {
            self.close(open);
        }
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
            text(3, "a", "Hé"),
            text(5, "a", "llo"),
            text(6, "b", "x"),
            text(9, "a", " wörld"),
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
