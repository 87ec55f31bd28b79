//! Shared by the markdown tests: the specifications' examples, a seeded generator, and the streaming check.
#![allow(dead_code, clippy::unwrap_used)]

use plugin_wasm::markdown::{LinkPolicy, MarkdownStream, apply, parse};
use plugin_wasm::view::MdNode;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Example {
    pub number: u32,
    pub section: String,
    pub markdown: String,
    pub html: String,
}

pub fn commonmark() -> Vec<Example> {
    serde_json::from_str(include_str!("../spec/commonmark-0.31.2.json")).unwrap()
}

pub fn gfm() -> Vec<Example> {
    serde_json::from_str(include_str!("../spec/gfm-0.29-extensions.json")).unwrap()
}

pub fn policy() -> LinkPolicy {
    LinkPolicy::new("https://perses.example")
}

/// xorshift64*
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % limit
    }

    pub fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }
}

/// Every character a piece of its own.
pub fn characters(text: &str) -> Vec<&str> {
    text.char_indices()
        .map(|(at, c)| &text[at..at + c.len_utf8()])
        .collect()
}

/// Pieces of up to `longest` characters.
pub fn pieces<'t>(text: &'t str, longest: usize, random: &mut Random) -> Vec<&'t str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let length = 1 + random.below(longest);
        let end = rest
            .char_indices()
            .nth(length)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Streams the pieces and compares the tree with the parse of the prefix after each. Gives the number of prefixes
/// compared, or a description of the first that differs.
pub fn stream_equals_parse(pieces: &[&str]) -> Result<usize, String> {
    let policy = policy();
    let mut stream = MarkdownStream::new(policy.clone());
    let mut tree: Vec<MdNode> = Vec::new();
    for piece in pieces {
        stream.push(piece);
        let ops = stream.take_ops();
        let applied = apply(&mut tree, &ops);
        let expected = parse(stream.source(), &policy);
        if !applied || tree != expected {
            return Err(format!(
                "after {:?}\n  streamed {}\n  parsed   {}",
                stream.source(),
                serde_json::to_string(&tree).unwrap(),
                serde_json::to_string(&expected).unwrap()
            ));
        }
    }
    Ok(pieces.len())
}

/// Headings, paragraphs with marks, lists, tables and fences, as answers have them.
pub fn mixed_answer(length: usize) -> String {
    let mut random = Random::new(42);
    let words = [
        "rate", "of", "requests", "went", "up", "after", "deploy", "memory", "stays", "flat",
        "while", "latency",
    ];
    let mut text = String::new();
    for block in 0.. {
        let mut some = |count: usize| {
            (0..count)
                .map(|_| random.pick(&words))
                .collect::<Vec<_>>()
                .join(" ")
        };
        match block % 10 {
            0 => text += &format!("## {}\n\n", some(3)),
            2 => (0..5).for_each(|_| text += &format!("- **{}**: {}\n", some(1), some(7))),
            4 => {
                text += "| a | b |\n| --- | ---: |\n";
                (0..5).for_each(|row| text += &format!("| {} | {row} % |\n", some(2)));
            }
            6 => text += "```promql\nsum by (mode) (rate(node_cpu_seconds_total[5m]))\n```\n",
            8 => (1..4).for_each(|item| text += &format!("{item}. {}.\n", some(9))),
            _ => {
                text += &format!(
                    "{} **{}** {}, `{}`. {} [{}](https://h.example/p).\n",
                    some(20),
                    some(2),
                    some(9),
                    some(1),
                    some(14),
                    some(2)
                )
            }
        }
        text.push('\n');
        if text.len() >= length {
            break;
        }
    }
    text.truncate(length);
    text
}
