//! A question in words to an [`Intent`].

use super::promql;
use super::window::{self, When};

#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    Help,
    /// "Are you an LLM?", "who are you?"
    WhoAreYou,
    Query {
        promql: String,
        when: When,
    },
    /// `up` of all targets, or only of those that are down.
    Targets {
        only_down: bool,
    },
    Show(Ask),
    /// Which metrics there are, by these words.
    List {
        keywords: Vec<String>,
    },
    /// Nothing that could be looked up.
    Unknown,
}

/// What is to be shown of some metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// A metric's exact name.
    pub metric: Option<String>,
    /// Words to search by, where no name was given.
    pub keywords: Vec<String>,
    pub by: Vec<String>,
    /// `label="value"`
    pub filters: Vec<(String, String)>,
    pub top: Option<u32>,
    pub bottom: Option<u32>,
    /// "p99" is 0.99.
    pub quantile: Option<f64>,
    pub wants_average: bool,
    /// "how many": a count over the window rather than a rate.
    pub wants_total: bool,
    pub when: When,
}

const STOP_WORDS: [&str; 68] = [
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "been", "can", "chart",
    "could", "current", "data", "did", "display", "do", "does", "each", "for", "give", "graph",
    "group", "grouped", "has", "have", "how", "i", "in", "is", "it", "its", "like", "look",
    "looking", "me", "metric", "metrics", "much", "my", "of", "on", "our", "over", "panel", "plot",
    "please", "rate", "see", "show", "tell", "than", "that", "the", "their", "there", "this",
    "time", "to", "value", "values", "was", "we", "were", "what", "which",
];

/// Reads a question.
#[must_use]
pub fn read(question: &str) -> Intent {
    let trimmed = question.trim();
    if let Some(command) = trimmed.strip_prefix('/') {
        return command_intent(command);
    }
    let lower = trimmed.to_lowercase();
    if let Some(promql) = as_promql(trimmed) {
        return Intent::Query {
            promql,
            when: When::default(),
        };
    }
    let mut ask = Ask::default();
    let mut words = words(trimmed, &mut ask);
    ask.when = window::take(&mut words);
    if is_about_us(&lower) {
        return Intent::WhoAreYou;
    }
    if matches!(
        lower.trim_end_matches(['?', '.', '!']),
        "help" | "what can you do" | "what can i ask" | "hi" | "hello"
    ) {
        return Intent::Help;
    }
    let has = |word: &str| words.iter().any(|w| w == word);
    if ask.metric.is_none() && (has("down") || has("unreachable") || has("offline")) {
        return Intent::Targets { only_down: true };
    }
    let asks_targets = has("targets")
        || has("target")
        || (has("up") && (has("what") || has("which") || has("instances")));
    if ask.metric.is_none() && asks_targets {
        return Intent::Targets { only_down: false };
    }
    if asks_for_a_list(&words) && ask.metric.is_none() {
        words.retain(|word| {
            !LIST_WORDS.contains(&word.as_str()) && !STOP_WORDS.contains(&word.as_str())
        });
        return Intent::List { keywords: words };
    }
    take_counts(&mut words, &mut ask);
    take_by(&mut words, &mut ask);
    take_modifiers(&mut words, &mut ask);
    ask.keywords = words
        .into_iter()
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .collect();
    let says_something =
        !ask.keywords.is_empty() || !ask.by.is_empty() || !ask.when.is_empty() || ask.top.is_some();
    if ask.metric.is_some() || says_something {
        Intent::Show(ask)
    } else {
        Intent::Unknown
    }
}

fn command_intent(command: &str) -> Intent {
    let (name, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "query" if !rest.is_empty() => Intent::Query {
            promql: rest.trim_matches('`').to_owned(),
            when: When::default(),
        },
        "metric" if !rest.is_empty() => {
            let mut ask = Ask::default();
            let mut words = words(rest, &mut ask);
            ask.when = window::take(&mut words);
            take_counts(&mut words, &mut ask);
            take_by(&mut words, &mut ask);
            // The name stands first, with or without an underscore in it.
            if ask.metric.is_none() {
                ask.metric = rest.split_whitespace().next().map(str::to_owned);
            }
            Intent::Show(ask)
        }
        _ => Intent::Help,
    }
}

/// The text itself, where it is PromQL and not a word that happens to parse.
fn as_promql(text: &str) -> Option<String> {
    let text = text.trim_matches('`');
    let looks_like_it = text.contains(['(', '{', '[']) && !text.trim_end().ends_with('?');
    (looks_like_it
        && persai_guard::parse(
            &text
                .replace("$__rate_interval", "5m")
                .replace("$__interval", "1m"),
        )
        .is_ok())
    .then(|| text.to_owned())
}

fn is_about_us(lower: &str) -> bool {
    [
        "are you an llm",
        "are you a llm",
        "are you ai",
        "are you an ai",
        "who are you",
        "what are you",
        "which model are you",
        "what model are you",
        "are you chatgpt",
        "are you claude",
        "language model",
    ]
    .iter()
    .any(|phrase| lower.contains(phrase))
}

const LIST_WORDS: [&str; 8] = [
    "list",
    "find",
    "search",
    "available",
    "exist",
    "exists",
    "named",
    "called",
];

/// "which metrics are there about memory", "find metrics for disks"
fn asks_for_a_list(words: &[String]) -> bool {
    let has = |word: &str| words.iter().any(|w| w == word);
    let names_metrics = has("metrics");
    let asks =
        has("which") || has("what") || has("about") || LIST_WORDS.iter().any(|word| has(word));
    names_metrics && asks
        || words
            .first()
            .is_some_and(|word| matches!(word.as_str(), "search" | "find"))
}

/// Lower-case words without the signs around them; metric names and `label=value` pairs go into `ask`.
fn words(text: &str, ask: &mut Ask) -> Vec<String> {
    let mut found = Vec::new();
    for raw in text.split([' ', '\t', '\n', ',', ';']) {
        let bare =
            raw.trim_matches(|c: char| matches!(c, '?' | '.' | '!' | '"' | '\'' | '`' | '(' | ')'));
        if bare.is_empty() {
            continue;
        }
        let name = bare.split('{').next().unwrap_or(bare);
        let is_name = name.contains('_')
            && name.len() > 2
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if let Some((label, value)) = bare.split_once('=')
            && !is_name
            && !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            ask.filters.push((
                label.to_owned(),
                value.trim_matches(['"', '\'', '=', '~']).to_owned(),
            ));
            continue;
        }
        let after_by = matches!(
            found.last().map(String::as_str),
            Some("by" | "per" | "each" | "and")
        );
        if is_name && ask.metric.is_none() && !(after_by && !name.contains("_total")) {
            ask.metric = Some(name.to_owned());
        } else if is_name {
            found.push(name.to_owned());
        } else {
            found.push(bare.to_lowercase());
        }
    }
    found
}

/// "top 5", "5 busiest", "lowest 3", "p99".
fn take_counts(words: &mut Vec<String>, ask: &mut Ask) {
    let mut rest: Vec<String> = Vec::new();
    let all = std::mem::take(words);
    let mut at = 0;
    while let Some(word) = all.get(at) {
        let number = |at: usize| {
            all.get(at)
                .and_then(|word| word.parse::<u32>().ok())
                .map(|n| n.clamp(1, 50))
        };
        let ranks_high = matches!(
            word.as_str(),
            "top" | "highest" | "largest" | "biggest" | "busiest" | "most" | "hottest" | "slowest"
        );
        let ranks_low = matches!(word.as_str(), "bottom" | "lowest" | "smallest" | "least");
        if ranks_high || ranks_low {
            let before = rest.last().and_then(|word| word.parse::<u32>().ok());
            let after = number(at + 1);
            if before.is_some() {
                rest.pop();
            }
            let count = after.or(before).unwrap_or(5).clamp(1, 50);
            if ranks_high {
                ask.top = Some(count);
            } else {
                ask.bottom = Some(count);
            }
            at += usize::from(after.is_some());
        } else if let Some(quantile) = percentile(word) {
            ask.quantile = Some(quantile);
        } else if !matches!(word.as_str(), "percentile" | "quantile") {
            rest.push(word.clone());
        }
        at += 1;
    }
    *words = rest;
}

fn percentile(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p').or_else(|| word.strip_suffix("th"))?;
    let value: f64 = format!("0.{digits}").parse().ok()?;
    (digits.len() >= 2 && digits.bytes().all(|b| b.is_ascii_digit()) && value < 1.0 && value > 0.0)
        .then_some(value)
}

/// "by mode and cpu", "per instance", "for each job".
fn take_by(words: &mut Vec<String>, ask: &mut Ask) {
    let all = std::mem::take(words);
    let mut rest = Vec::new();
    let mut at = 0;
    while let Some(word) = all.get(at) {
        if !matches!(word.as_str(), "by" | "per" | "each") {
            rest.push(word.clone());
            at += 1;
            continue;
        }
        at += 1;
        // In "top 5 instances by CPU usage" the label stands before the word, and the subject after it.
        if word == "by"
            && ask.top.or(ask.bottom).is_some()
            && let Some(label) = rest
                .last()
                .filter(|word| promql::is_label_word(word))
                .cloned()
        {
            rest.pop();
            ask.by.push(label);
            continue;
        }
        while let Some(label) = all.get(at) {
            // "per second" is how a rate is said anyway.
            if matches!(label.as_str(), "second" | "sec" | "minute" | "hour" | "s") {
                at += 1;
                break;
            }
            if !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                || STOP_WORDS.contains(&label.as_str())
            {
                break;
            }
            if !ask.by.contains(label) {
                ask.by.push(label.clone());
            }
            at += 1;
            if all.get(at).is_some_and(|next| next == "and") && all.get(at + 1).is_some() {
                at += 1;
            } else {
                break;
            }
        }
    }
    *words = rest;
}

fn take_modifiers(words: &mut Vec<String>, ask: &mut Ask) {
    let many = words
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == "how" && b == "many"));
    ask.wants_total = many || words.iter().any(|word| word == "count" || word == "number");
    ask.wants_average = words
        .iter()
        .any(|word| matches!(word.as_str(), "average" | "avg" | "mean"));
    words.retain(|word| {
        !matches!(
            word.as_str(),
            "many"
                | "count"
                | "number"
                | "average"
                | "avg"
                | "mean"
                | "total"
                | "trend"
                | "happened"
                | "doing"
        )
    });
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
