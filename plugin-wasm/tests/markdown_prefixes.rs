//! The streamed tree equals the parse of the prefix, after every piece of every text.
#![allow(clippy::unwrap_used)]

mod markdown_support;

use markdown_support::{Random, characters, commonmark, gfm, pieces, stream_equals_parse};
use std::collections::BTreeSet;

/// Examples for which a prefix differs. Strict: one that is not listed fails, and so does a listed one that passes.
const COMMONMARK_GAPS: [u32; 0] = [];
const GFM_GAPS: [u32; 0] = [];

#[test]
fn every_commonmark_example_streams_exactly_cut_at_every_character() {
    assert_gaps(&commonmark(), &COMMONMARK_GAPS);
}

#[test]
fn every_gfm_extension_example_streams_exactly_cut_at_every_character() {
    assert_gaps(&gfm(), &GFM_GAPS);
}

fn assert_gaps(examples: &[markdown_support::Example], gaps: &[u32]) {
    let mut prefixes = 0;
    let mut failures = Vec::new();
    let mut failed = BTreeSet::new();
    for example in examples {
        match stream_equals_parse(&characters(&example.markdown)) {
            Ok(compared) => prefixes += compared,
            Err(difference) => {
                failures.push(format!("example {}: {difference}", example.number));
                failed.insert(example.number);
            }
        }
    }
    println!(
        "{} examples, {prefixes} prefixes compared, {} examples differ",
        examples.len(),
        failed.len()
    );
    let listed: BTreeSet<u32> = gaps.iter().copied().collect();
    assert_eq!(failed, listed, "{}", failures.join("\n"));
}

#[test]
fn examples_stream_exactly_in_random_pieces_and_one_behind_the_other() {
    let mut random = Random::new(7);
    let examples: Vec<_> = commonmark().into_iter().chain(gfm()).collect();
    for example in &examples {
        for _ in 0..4 {
            stream_equals_parse(&pieces(&example.markdown, 9, &mut random)).unwrap();
        }
    }
    for _ in 0..300 {
        let text: Vec<&str> = (0..4)
            .map(|_| &*examples[random.below(examples.len())].markdown)
            .collect();
        stream_equals_parse(&pieces(&text.join("\n"), 5, &mut random)).unwrap();
    }
}

/// Random documents of syntax; `PERSAI_MARKDOWN_SOUP` sets how many.
#[test]
fn random_syntax_streams_exactly() {
    let documents = std::env::var("PERSAI_MARKDOWN_SOUP")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    let seed = std::env::var("PERSAI_MARKDOWN_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    let mut random = Random::new(seed);
    let mut prefixes = 0;
    let mut failures = Vec::new();
    for _ in 0..documents {
        let text = soup(&mut random);
        let pieces = match random.below(3) {
            0 => characters(&text),
            1 => pieces(&text, 3, &mut random),
            _ => pieces(&text, 8, &mut random),
        };
        match stream_equals_parse(&pieces) {
            Ok(compared) => prefixes += compared,
            Err(difference) => failures.push(difference),
        }
    }
    println!(
        "{documents} documents, {prefixes} prefixes compared, {} documents differ",
        failures.len()
    );
    failures.sort_by_key(String::len);
    failures.truncate(5);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const LINE_STARTS: [&str; 34] = [
    "", "", "", "", "# ", "## ", "- ", "- ", "* ", "+ ", "  - ", "    - ", "1. ", "2. ", "3) ",
    "> ", "> > ", ">", "```", "~~~", "````", "    ", "  ", "\t", "   ", "| ", "- [ ] ", "- [x] ",
    "---", "===", "<div>", "- > ", "> - ", "1.  ",
];

const INLINES: [&str; 60] = [
    "a",
    "word",
    "two words",
    " ",
    " ",
    "  ",
    "*",
    "**",
    "_",
    "~~",
    "~",
    "`",
    "``",
    "[",
    "]",
    "(",
    ")",
    "![",
    "](/u)",
    "](",
    "[x]",
    "[foo]",
    "[foo]: /url",
    "[bar]: <u v> 'title'",
    "'",
    "\"",
    "'t",
    "<",
    ">",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<a href=",
    "https://h.example/p",
    "<https://h.example>",
    "|",
    "|",
    "-|-",
    "--- | ---",
    ":-:",
    "\\",
    "&",
    "&amp;",
    ";",
    "#",
    "##",
    "-",
    "1.",
    "+",
    "=",
    "==",
    "é",
    "–",
    "日本",
    "\u{a0}",
    ".",
    ",",
    "!",
    ":",
];

const LINE_ENDS: [&str; 12] = [
    "\n", "\n", "\n", "\n", "\n", "\n\n", "\n\n", "  \n", "\\\n", "\n\n\n", " \n", "\r\n",
];

fn soup(random: &mut Random) -> String {
    let mut text = String::new();
    let lines = 1 + random.below(8);
    // A few fragments again and again meet each other more often than all of them.
    let starts: Vec<&str> = (0..1 + random.below(4))
        .map(|_| random.pick(&LINE_STARTS))
        .collect();
    let inlines: Vec<&str> = (0..2 + random.below(6))
        .map(|_| random.pick(&INLINES))
        .collect();
    for _ in 0..lines {
        text.push_str(random.pick(&starts));
        for _ in 0..random.below(5) {
            text.push_str(random.pick(&inlines));
        }
        text.push_str(random.pick(&LINE_ENDS));
    }
    text
}
