//! However the bytes are cut, wherever the connection breaks, live or replayed: the view at the end is the same.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::Chat;
use super::samples::{
    AT, call, custom, evidence, finished, outcome, result, started, text, text_end, text_start,
    turn,
};
use crate::testing::{Random, Shim};
use crate::transport::sse::SseParser;

const WORDS: [&str; 14] = [
    "CPU ",
    "*rose*",
    "\n\n",
    "- a\n",
    "- b\n",
    "`up`",
    "## Head\n\n",
    "1. x\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
    "```\ncode\n",
    "```\n\n",
    "[link](https://x.example)",
    "é😀 ",
    "\n",
];

/// A conversation of a few runs, with seqs that have gaps as the log's have.
fn conversation(random: &mut Random) -> Vec<(u64, Value)> {
    let mut events = Vec::new();
    for run in 0..=random.below(3) {
        events.extend([
            started(&format!("r{run}")),
            turn(&format!("m{run}"), "Why?"),
        ]);
        for part in 0..random.below(4) {
            let id = format!("{run}-{part}");
            if random.below(2) == 0 {
                events.push(text_start(&id));
                for _ in 0..random.below(30) {
                    events.push(text(&id, WORDS[random.below(WORDS.len())]));
                }
                events.push(text_end(&id));
            } else {
                events.extend(call(&id, "query_metrics", &["{\"query\"", ":\"x\"", "}"]));
                events.extend([
                    evidence(&id),
                    outcome(&id, random.below(4) > 0),
                    result(&id),
                ]);
            }
        }
        if random.below(5) == 0 {
            events.push(custom(
                "notice",
                json!({"code": "budgetSpent", "message": "Spent."}),
            ));
        }
        events.push(match random.below(4) {
            0 => json!({"type": "RUN_ERROR", "message": "It failed.", "code": "internal"}),
            _ => finished(&format!("r{run}")),
        });
    }
    let mut seq = 0;
    let numbered = events.into_iter().map(|event| {
        seq += 1 + (random.below(3) as u64);
        (seq, event)
    });
    numbered.collect()
}

/// What the relay sends to a reader who has everything up to `after`, once the runs have ended: the deltas of a part are
/// one event with the last seq, and only what is new of it.
fn folded(events: &[(u64, Value)], after: u64) -> Vec<(u64, Value)> {
    let mut out: Vec<(u64, Value)> = Vec::new();
    for (seq, event) in events.iter().filter(|(seq, _)| *seq > after) {
        if let Some((last_seq, last)) = out.last_mut()
            && ["TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS"]
                .iter()
                .any(|kind| event["type"] == *kind)
            && last["type"] == event["type"]
            && last["messageId"] == event["messageId"]
            && last["toolCallId"] == event["toolCallId"]
        {
            last["delta"] = json!(format!(
                "{}{}",
                last["delta"].as_str().unwrap(),
                event["delta"].as_str().unwrap()
            ));
            *last_seq = *seq;
        } else {
            out.push((*seq, event.clone()));
        }
    }
    out
}

fn bytes(events: &[(u64, Value)]) -> Vec<u8> {
    let mut text = String::new();
    for (seq, event) in events {
        text.push_str(&format!(": beat\n\nid: {seq}\ndata: {event}\n\n"));
    }
    text.push_str(&format!(
        "data: {}\n\n",
        custom("caughtUp", json!({"seq": 0}))
    ));
    text.into_bytes()
}

struct Reader {
    chat: Chat,
    shim: Shim,
}

impl Reader {
    fn new() -> Self {
        let mut chat = Chat::default();
        chat.page.panel_kinds = Some(vec!["TimeSeriesChart".into()]);
        Self {
            chat,
            shim: Shim::default(),
        }
    }

    fn read(&mut self, parser: &mut SseParser, bytes: &[u8]) {
        let mut frames = Vec::new();
        parser.push(bytes, |frame| frames.push(frame)).unwrap();
        for frame in frames {
            self.chat.apply_json(frame.seq, &frame.data, AT);
        }
    }

    fn drain(&mut self) {
        let mut patches = Vec::new();
        self.chat.drain(&mut patches, AT);
        self.shim.apply(patches);
    }

    fn whole(events: &[(u64, Value)]) -> Shim {
        let mut reader = Self::new();
        reader.read(&mut SseParser::default(), &bytes(events));
        reader.drain();
        reader.shim
    }
}

#[test]
fn any_cut_any_break_live_or_folded_ends_in_the_same_view() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let events = conversation(&mut random);
        let expected = Reader::whole(&events);
        assert_eq!(
            Reader::whole(&folded(&events, 0)),
            expected,
            "folded, seed {seed}"
        );

        let mut reader = Reader::new();
        let mut ended = false;
        while !ended {
            // Each connection begins after what we have, or a little before it, and is live or a replay.
            let after = reader
                .chat
                .last_seq()
                .saturating_sub(random.below(3) as u64);
            let live: Vec<_> = events
                .iter()
                .filter(|(seq, _)| *seq > after)
                .cloned()
                .collect();
            let whole = if random.below(2) == 0 {
                bytes(&live)
            } else {
                bytes(&folded(&events, reader.chat.last_seq()))
            };
            let mut parser = SseParser::default();
            let (mut at, breaks_at) = (0, random.below(whole.len() * 2));
            while at < whole.len().min(breaks_at) {
                let end = (at + 1 + random.below(200)).min(whole.len()).min(breaks_at);
                reader.read(&mut parser, &whole[at..end]);
                at = end;
                match random.below(4) {
                    0 => reader.drain(),
                    1 if random.below(10) == 0 => {
                        // The shim mounts anew.
                        reader.chat.forget_shown();
                        reader.shim = Shim::default();
                        reader.drain();
                    }
                    _ => {}
                }
            }
            ended = breaks_at >= whole.len();
        }
        reader.drain();
        assert_eq!(reader.shim, expected, "seed {seed}");
    }
}
