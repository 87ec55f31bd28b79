//! What waits for a run's writer, in order. Deltas that follow each other are joined as they come, so that what waits
//! stays small and its writer need not wake for each of them.

use std::collections::VecDeque;

use persai_agent::ports::{Entry, JournalError};
use persai_protocol::agui::Event;
use tokio::sync::oneshot;

/// Characters after which joined deltas are written at once.
const MAX_CHARS: usize = 256;
/// A larger delta is split, so that events stay bounded.
const MAX_DELTA_BYTES: usize = 64 * 1024;
/// Bytes of deltas that may wait; with more the agent waits.
const MAX_WAITING_BYTES: usize = 256 * 1024;

pub enum Waiting {
    Delta(Event),
    Entries {
        entries: Vec<Entry>,
        answer: oneshot::Sender<Result<(), JournalError>>,
    },
}

#[derive(Default)]
pub struct Held {
    waiting: VecDeque<Waiting>,
    chars: usize,
    bytes: usize,
    urgent: bool,
    closed: bool,
}

impl Held {
    /// Whether the writer has to be told, because it does not know yet or has to hurry now.
    #[must_use]
    pub fn add_delta(&mut self, event: Event) -> bool {
        let (known, hurrying) = (!self.waiting.is_empty(), self.urgent);
        if let Some(delta) = delta_of(&event) {
            self.chars += delta.chars().count();
            self.bytes += delta.len();
        }
        for piece in split(event) {
            let joined = match self.waiting.back_mut() {
                Some(Waiting::Delta(open)) => join(open, &piece),
                _ => false,
            };
            if !joined {
                self.waiting.push_back(Waiting::Delta(piece));
            }
        }
        self.urgent |= self.chars >= MAX_CHARS;
        !known || (self.urgent && !hurrying)
    }

    pub fn add_entries(
        &mut self,
        entries: Vec<Entry>,
        answer: oneshot::Sender<Result<(), JournalError>>,
    ) {
        self.waiting.push_back(Waiting::Entries { entries, answer });
        self.urgent = true;
    }

    pub fn close(&mut self) {
        self.closed = true;
        self.urgent = true;
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes >= MAX_WAITING_BYTES
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether it is to be written without waiting for more.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Whether nothing will come any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn take(&mut self) -> VecDeque<Waiting> {
        self.chars = 0;
        self.bytes = 0;
        self.urgent = self.closed;
        std::mem::take(&mut self.waiting)
    }
}

#[must_use]
pub fn is_delta(entry: &Entry) -> bool {
    matches!(entry, Entry::Event(event) if delta_of(event).is_some())
}

fn delta_of(event: &Event) -> Option<&str> {
    match event {
        Event::TextMessageContent { delta, .. } | Event::ToolCallArgs { delta, .. } => Some(delta),
        _ => None,
    }
}

/// Adds `next` to `open` where it continues it and both together stay bounded.
fn join(open: &mut Event, next: &Event) -> bool {
    let (joined, more) = match (open, next) {
        (
            Event::TextMessageContent { message_id, delta },
            Event::TextMessageContent {
                message_id: same,
                delta: more,
            },
        ) if message_id == same => (delta, more),
        (
            Event::ToolCallArgs {
                tool_call_id,
                delta,
            },
            Event::ToolCallArgs {
                tool_call_id: same,
                delta: more,
            },
        ) if tool_call_id == same => (delta, more),
        _ => return false,
    };
    if joined.len() + more.len() > MAX_DELTA_BYTES {
        return false;
    }
    joined.push_str(more);
    true
}

/// A delta in pieces of at most [`MAX_DELTA_BYTES`]; every other event as it is.
pub fn split(event: Event) -> Vec<Event> {
    if delta_of(&event).is_none_or(|delta| delta.len() <= MAX_DELTA_BYTES) {
        return vec![event];
    }
    let pieces = |delta: &str, piece_of: &dyn Fn(String) -> Event| {
        let mut pieces = Vec::new();
        let mut rest = delta;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_DELTA_BYTES));
            pieces.push(piece_of(piece.to_owned()));
            rest = after;
        }
        pieces
    };
    match &event {
        Event::TextMessageContent { message_id, delta } => {
            pieces(delta, &|delta| Event::TextMessageContent {
                message_id: message_id.clone(),
                delta,
            })
        }
        Event::ToolCallArgs {
            tool_call_id,
            delta,
        } => pieces(delta, &|delta| Event::ToolCallArgs {
            tool_call_id: tool_call_id.clone(),
            delta,
        }),
        _ => vec![event],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(delta: &str) -> Event {
        Event::TextMessageContent {
            message_id: "m".into(),
            delta: delta.into(),
        }
    }

    fn args(delta: &str) -> Event {
        Event::ToolCallArgs {
            tool_call_id: "c".into(),
            delta: delta.into(),
        }
    }

    fn deltas(held: &mut Held) -> Vec<Event> {
        held.take()
            .into_iter()
            .map(|waiting| match waiting {
                Waiting::Delta(event) => event,
                Waiting::Entries { .. } => panic!("entries"),
            })
            .collect()
    }

    #[test]
    fn deltas_of_one_stream_are_joined_and_no_others() {
        let mut held = Held::default();
        assert!(held.add_delta(text("a")), "the first one wakes the writer");
        assert!(!held.add_delta(text("b")));
        assert!(!held.add_delta(args("x")));
        assert!(!held.add_delta(text("c")));
        assert_eq!(deltas(&mut held), [text("ab"), args("x"), text("c")]);
        assert!(held.is_empty() && !held.is_urgent());
    }

    #[test]
    fn many_characters_are_urgent_once() {
        let mut held = Held::default();
        let told = (0..600).filter(|_| held.add_delta(text("é"))).count();
        assert_eq!(told, 2, "at the first one, and when it became urgent");
        assert!(held.is_urgent());
        held.take();
        assert!(!held.is_urgent());
    }

    #[test]
    fn a_large_delta_is_split_between_characters() {
        let mut held = Held::default();
        let large = "€".repeat(50_000);
        assert!(held.add_delta(text(&large)));
        let pieces = deltas(&mut held);
        assert_eq!(pieces.len(), 3);
        assert!(
            pieces
                .iter()
                .all(|piece| delta_of(piece).is_some_and(|delta| delta.len() <= MAX_DELTA_BYTES))
        );
        assert_eq!(
            pieces.iter().filter_map(delta_of).collect::<String>(),
            large
        );
    }
}
