//! What is up and what is down.

use std::fmt::Write as _;

use serde::Deserialize as _;

use super::Done;
use super::talk::{failed, not_understood};
use super::text::query_code;
use super::wording::{Found, name};

/// What the targets' `up` says.
pub(super) fn states(queried: &[&Done<'_>], only_down: bool) -> String {
    let Some(done) = queried.last() else {
        return not_understood();
    };
    let Ok(found) = Found::deserialize(done.value()) else {
        return failed(done.value());
    };
    let time = found.time(found.end_ms);
    if let Some(empty) = &found.empty {
        return if empty.kind == "conditionNotMet" {
            format!(
                "No target is down: at {time} every target that Prometheus scrapes had `up` = 1."
            )
        } else {
            format!(
                "{} Without `up` it cannot be said what is down.",
                empty.sentence
            )
        };
    }
    let digest = &found.digest;
    let mut down: Vec<String> = Vec::new();
    let mut up: Vec<String> = Vec::new();
    for row in &digest.rows {
        let labels = if row.labels.is_empty() {
            &digest.common_labels
        } else {
            &row.labels
        };
        let is_up = row.stats.finite.is_some_and(|f| f.last != 0.0);
        if is_up { &mut up } else { &mut down }.push(name(labels, digest));
    }
    let mut out = String::new();
    let more = digest.total_series - digest.rows.len() as u64;
    if only_down {
        let verb = if digest.total_series == 1 {
            "target is"
        } else {
            "targets are"
        };
        let _ = writeln!(out, "**{} {verb} down** at {time}:\n", digest.total_series);
    } else {
        let _ = write!(out, "{} targets at {time}", digest.total_series);
        match (down.len(), more) {
            (0, 0) => out.push_str("; all of them are up.\n\n"),
            (0, _) => out.push_str(".\n\n"),
            (n, _) => {
                let _ = write!(out, "; at least {n} of them down.\n\n");
            }
        }
    }
    let rows = down
        .iter()
        .map(|target| (target, "down"))
        .chain(up.iter().map(|target| (target, "up")));
    out.push_str("| target | state |\n| --- | --- |\n");
    for (target, state) in rows {
        let _ = writeln!(out, "| {target} | {state} |");
    }
    if more > 0 {
        let _ = writeln!(out, "\n{more} more are in the panel.");
    }
    let _ = write!(out, "\nQuery: {}.", query_code(&found.query));
    out
}
