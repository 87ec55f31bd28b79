//! The system prompt: reviewed prose from `prompt.md`, and the situation of this turn.
//!
//! What changes from turn to turn comes last, so that a provider's cache keeps the rest.

use std::fmt::Write as _;

use crate::local_time;
use crate::neutral;
use crate::run::Run;
use crate::template;

const PROSE: &str = include_str!("prompt.md");
/// Characters of the operator's rules that are taken.
const MAX_OPERATOR_RULES: usize = 4_000;

/// Prose, the operator's rules, and: now, time zone, datasources, window, variables.
#[must_use]
pub fn system_prompt(run: &Run, now_ms: i64) -> String {
    let mut prompt = PROSE.trim_end().to_owned();
    if let Some(rules) = run
        .operator_rules
        .as_deref()
        .map(str::trim)
        .filter(|rules| !rules.is_empty())
    {
        let rules: String = rules.chars().take(MAX_OPERATOR_RULES).collect();
        let _ = write!(prompt, "\n\n## Operator's rules\n{rules}");
    }
    let iso = |ms| local_time::iso(ms, run.utc_offset_minutes);
    let range = run.time_range;
    let _ = write!(
        prompt,
        "\n\n## Situation\n- Now: {}. The user's zone is UTC{}.\n- Chosen window: {} to {} ({}).",
        iso(now_ms),
        local_time::offset(run.utc_offset_minutes),
        iso(range.start_ms),
        iso(range.end_ms),
        template::duration((range.end_ms - range.start_ms) / 1000 * 1000)
    );
    if run.datasources.is_empty() {
        prompt.push_str("\n- There is no datasource to ask; say so.");
    } else {
        let names: Vec<String> = run
            .datasources
            .iter()
            .map(|d| neutral::quoted(&d.name, 80))
            .collect();
        let _ = write!(prompt, "\n- Prometheus datasources: {}.", names.join(", "));
    }
    if !run.variables.is_empty() {
        let names: Vec<String> = run
            .variables
            .keys()
            .take(20)
            .map(|name| format!("${}", neutral::line(name, 40)))
            .collect();
        let _ = write!(
            prompt,
            "\n- Variables that queries may use: {}.",
            names.join(", ")
        );
    }
    prompt
}
