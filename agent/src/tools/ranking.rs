//! How well a metric's name and description fit some words: by beginnings, synonyms, descriptions, and with one typing
//! mistake.

use super::catalog::Family;

pub(super) const STOP_WORDS: [&str; 24] = [
    "the", "a", "an", "of", "is", "are", "in", "on", "per", "by", "for", "and", "my", "me", "show",
    "what", "how", "metric", "metrics", "all", "over", "to", "with", "from",
];

/// Words of a kind: one word of a row asked for finds the others too.
const SYNONYMS: [&[&str]; 15] = [
    &["cpu", "processor", "cores"],
    &["memory", "mem", "ram"],
    &["disk", "filesystem", "storage", "volume"],
    &["network", "net", "nic", "traffic", "bandwidth"],
    &["latency", "duration", "slow", "response"],
    &[
        "error",
        "errors",
        "failed",
        "failures",
        "fail",
        "exceptions",
    ],
    &[
        "request",
        "requests",
        "http",
        "calls",
        "traffic",
        "rps",
        "throughput",
    ],
    &["queue", "backlog", "pending", "depth"],
    &["restart", "restarts", "start", "boot", "uptime"],
    &["temperature", "temp", "celsius", "hwmon"],
    &["load", "load1", "load5", "load15"],
    &["connection", "connections", "conns", "sockets"],
    &["free", "available", "avail"],
    &["receive", "received", "rx", "incoming"],
    &["transmit", "transmitted", "sent", "tx", "outgoing"],
];

/// How well a family fits the words; 0 is not at all.
pub(super) fn score(family: &Family, wanted: &[String], words: &str) -> f64 {
    if family.name == words || family.parts.iter().any(|part| part == words) {
        return 1_000.0;
    }
    let name_tokens = tokens(&family.name);
    let help = family.help.to_lowercase();
    let mut total = 0.0;
    let mut fitting = 0;
    for word in wanted {
        let best = name_tokens
            .iter()
            .map(|token| fit(word, token))
            .fold(0.0, f64::max);
        let best = if best == 0.0 && word.len() > 2 && help.contains(word.as_str()) {
            1.0
        } else {
            best
        };
        if best > 0.0 {
            fitting += 1;
            total += best;
        }
    }
    if fitting == 0 {
        return 0.0;
    }
    // All words fit is worth more than one word that fits well; short names are usually the ones that are meant.
    let share = f64::from(fitting) / wanted.len() as f64;
    let plumbing = ["scrape_", "go_", "promhttp_", "prometheus_"]
        .iter()
        .any(|p| family.name.starts_with(p));
    total * share * share - 0.05 * name_tokens.len() as f64 - if plumbing { 0.8 } else { 0.0 }
}

fn fit(word: &str, token: &str) -> f64 {
    if word == token {
        return 4.0;
    }
    if stem(word) == stem(token) {
        return 3.8;
    }
    if token.starts_with(word) && word.len() >= 3 {
        return 3.0;
    }
    if SYNONYMS
        .iter()
        .any(|row| row.contains(&word) && row.contains(&token))
    {
        return 2.2;
    }
    if word.len() >= 4 && token.len() >= 4 && one_mistake(word, token) {
        return 2.0;
    }
    if word.len() >= 4 && token.contains(word) {
        return 1.5;
    }
    0.0
}

fn stem(word: &str) -> &str {
    word.strip_suffix('s')
        .filter(|stem| stem.len() > 2)
        .unwrap_or(word)
}

/// Whether one letter too many, too few, wrong, or two swapped make the words equal.
fn one_mistake(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = |from_a: usize, from_b: usize| a.get(from_a..) == b.get(from_b..);
    match a.len().abs_diff(b.len()) {
        0 => {
            let swapped = a.get(head) == b.get(head + 1)
                && a.get(head + 1) == b.get(head)
                && tail(head + 2, head + 2);
            tail(head + 1, head + 1) || (head + 1 < a.len() && swapped)
        }
        1 if a.len() > b.len() => tail(head + 1, head),
        1 => tail(head, head + 1),
        _ => false,
    }
}

/// Lower-case words of a name or a question: split at signs, digits kept, and at capital letters within.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_lower) {
            found.push(std::mem::take(&mut token));
        }
        after_lower = c.is_lowercase();
        if c.is_alphanumeric() {
            token.extend(c.to_lowercase());
        }
    }
    found.push(token);
    found.retain(|token| !token.is_empty());
    found
}
