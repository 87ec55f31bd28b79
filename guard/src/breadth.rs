//! What a selector reaches. A regular expression counts by what it matches, not by how it is spelled: `.*`, `(.*)`,
//! `.{0,}` and `.+|x` are the same to us.

use regex::RegexBuilder;

use crate::tree::{MatchOp, Matcher, Selector};

/// Values as labels really have them, unlike each other in length, script and signs. What matches all of these does
/// not select anything.
const VALUES: [&str; 10] = [
    "a",
    "Z9",
    "0",
    "_",
    "prod-eu-1",
    "/var/lib/data",
    "10.0.0.1:9100",
    "über",
    "GET",
    "A long sentence, with (signs) & more.",
];
/// The same for metric names, which have a narrower alphabet.
const NAMES: [&str; 8] = [
    "a",
    "up",
    "node_cpu_seconds_total",
    "Go_x",
    "_internal:rate5m",
    "z9",
    "job:requests:sum",
    "http_requests_total",
];

/// The selector's text where no matcher of one of its alternatives narrows it down.
#[must_use]
pub fn too_broad(selector: &Selector) -> Option<String> {
    selector
        .alternatives
        .iter()
        .find(|matchers| !matchers.iter().any(narrows))
        .map(|matchers| {
            let inside: Vec<String> = matchers
                .iter()
                .map(|m| {
                    let op = match m.op {
                        MatchOp::Equal => "=",
                        MatchOp::NotEqual => "!=",
                        MatchOp::Regex => "=~",
                        MatchOp::NotRegex => "!~",
                    };
                    format!("{}{op}{:?}", m.label, m.value)
                })
                .collect();
            format!("The selector {{{}}}", inside.join(", "))
        })
}

/// A matcher narrows where it asks for something that most series do not have. "Not this one" does not, nor does
/// anything that series without the label fulfil.
fn narrows(matcher: &Matcher) -> bool {
    match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::NotEqual | MatchOp::NotRegex => false,
        MatchOp::Regex => {
            // As Prometheus has it: anchored, and the dot matches line breaks too.
            let Ok(regex) = RegexBuilder::new(&format!("^(?:{})$", matcher.value))
                .dot_matches_new_line(true)
                .size_limit(1 << 20)
                .build()
            else {
                // Not readable here: the datasource decides whether it is an expression at all.
                return true;
            };
            if matcher.label == "__name__" {
                return !NAMES.iter().all(|name| regex.is_match(name));
            }
            !regex.is_match("") && !VALUES.iter().all(|value| regex.is_match(value))
        }
    }
}
