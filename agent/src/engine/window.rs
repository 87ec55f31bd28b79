//! The words of a question that say when: taken out of it and handed to the tools, which resolve them in the asker's
//! zone.

use serde_json::{Map, Value};

/// Time arguments for `query_metrics`, as words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    pub start: Option<String>,
    pub end: Option<String>,
    pub duration: Option<String>,
    /// "now", "currently": one moment is asked for.
    pub now: bool,
}

impl When {
    pub fn put_into(&self, arguments: &mut Map<String, Value>) {
        for (name, value) in [
            ("start", &self.start),
            ("end", &self.end),
            ("duration", &self.duration),
        ] {
            if let Some(value) = value {
                arguments.insert(name.to_owned(), Value::from(value.clone()));
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Takes the time phrase out of `words` (lower case, without signs at their ends).
pub fn take(words: &mut Vec<String>) -> When {
    let mut when = When::default();
    let mut rest: Vec<String> = Vec::new();
    let all = std::mem::take(words);
    let mut at = 0;
    while let Some(word) = all.get(at) {
        let word_at = |offset: usize| all.get(at + offset).map(String::as_str);
        let used = match word.as_str() {
            "last" | "past" | "previous" => match (word_at(1), word_at(2)) {
                (Some(amount), Some(unit))
                    if amount.parse::<u32>().is_ok() && unit_letter(unit).is_some() =>
                {
                    when.duration = unit_letter(unit).map(|letter| format!("{amount}{letter}"));
                    3
                }
                (Some("few"), Some(unit)) if unit_letter(unit).is_some() => {
                    when.duration = unit_letter(unit).map(|letter| format!("3{letter}"));
                    3
                }
                (Some(short), _)
                    if crate::local_time::duration_ms(short).is_some()
                        && short.parse::<f64>().is_err() =>
                {
                    when.duration = Some(short.to_owned());
                    2
                }
                (Some("half"), Some("hour")) => {
                    when.duration = Some("30m".to_owned());
                    3
                }
                (Some(unit), _) if unit_letter(unit).is_some() => {
                    when.duration = unit_letter(unit).map(|letter| format!("1{letter}"));
                    2
                }
                _ => 0,
            },
            "since" | "from" | "between" | "after" => match moment(&all, at + 1) {
                Some((start, used)) => {
                    when.start = Some(start);
                    let next = at + 1 + used;
                    let joined = matches!(
                        all.get(next).map(String::as_str),
                        Some("to" | "until" | "and" | "till")
                    );
                    match moment(&all, next + 1).filter(|_| joined) {
                        Some((end, more)) => {
                            when.end = Some(end);
                            1 + used + 1 + more
                        }
                        None => 1 + used,
                    }
                }
                None => 0,
            },
            "until" | "till" | "before" => match moment(&all, at + 1) {
                Some((end, used)) => {
                    when.end = Some(end);
                    1 + used
                }
                None => 0,
            },
            "today" => {
                when.start = Some("today".to_owned());
                1
            }
            "yesterday" => {
                (when.start, when.end) = (Some("yesterday".to_owned()), Some("today".to_owned()));
                1
            }
            "now" | "currently" | "current" | "moment" => {
                when.now = true;
                1
            }
            _ => 0,
        };
        if used == 0 {
            rest.push(word.clone());
            at += 1;
        } else {
            // "over the last hour": the little words before a phrase go with it.
            while rest.last().is_some_and(|word| {
                matches!(
                    word.as_str(),
                    "over" | "in" | "during" | "for" | "the" | "within" | "right" | "at"
                )
            }) {
                rest.pop();
            }
            at += used;
        }
    }
    *words = rest;
    when
}

fn unit_letter(word: &str) -> Option<&'static str> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        _ => return None,
    })
}

/// A moment at `at`, and how many words it takes.
fn moment(words: &[String], at: usize) -> Option<(String, usize)> {
    let first = words.get(at)?;
    let is_time = |text: &str| {
        matches!(text, "now" | "today" | "yesterday" | "midnight")
            || (text.contains(':') || text.contains('-'))
                && text.starts_with(|c: char| c.is_ascii_digit() || c == 'n')
                && crate::local_time::moment(text, 0, 0).is_ok()
    };
    // 2026-11-24 14:00 is one moment in two words.
    if let Some(second) = words
        .get(at + 1)
        .filter(|second| second.contains(':') && first.contains('-'))
    {
        let both = format!("{first} {second}");
        if crate::local_time::moment(&both, 0, 0).is_ok() {
            return Some((both, 2));
        }
    }
    if is_time(first) {
        return Some((first.clone(), 1));
    }
    // "since 2 hours ago" and "since 2 hours"
    let (amount, unit) = (first.parse::<u32>().ok()?, unit_letter(words.get(at + 1)?)?);
    let ago = usize::from(words.get(at + 2).is_some_and(|word| word == "ago"));
    Some((format!("now-{amount}{unit}"), 2 + ago))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_become_arguments() {
        let when = |start: Option<&str>, end: Option<&str>, duration: Option<&str>, now| When {
            start: start.map(str::to_owned),
            end: end.map(str::to_owned),
            duration: duration.map(str::to_owned),
            now,
        };
        for (text, expected, rest) in [
            (
                "cpu over the last 30 minutes",
                when(None, None, Some("30m"), false),
                "cpu",
            ),
            (
                "cpu in the past 2 hours",
                when(None, None, Some("2h"), false),
                "cpu",
            ),
            ("cpu last 15m", when(None, None, Some("15m"), false), "cpu"),
            ("cpu last hour", when(None, None, Some("1h"), false), "cpu"),
            (
                "cpu since 14:00",
                when(Some("14:00"), None, None, false),
                "cpu",
            ),
            (
                "cpu from 14:00 to 15:30",
                when(Some("14:00"), Some("15:30"), None, false),
                "cpu",
            ),
            (
                "cpu between 2026-11-01 08:00 and now",
                when(Some("2026-11-01 08:00"), Some("now"), None, false),
                "cpu",
            ),
            (
                "cpu since 2 hours ago",
                when(Some("now-2h"), None, None, false),
                "cpu",
            ),
            ("cpu today", when(Some("today"), None, None, false), "cpu"),
            (
                "cpu yesterday",
                when(Some("yesterday"), Some("today"), None, false),
                "cpu",
            ),
            ("cpu right now", when(None, None, None, true), "cpu"),
            (
                "last value of cpu from node",
                When::default(),
                "last value of cpu from node",
            ),
        ] {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            assert_eq!(take(&mut words), expected, "{text}");
            assert_eq!(words.join(" "), rest, "{text}");
        }
    }
}
