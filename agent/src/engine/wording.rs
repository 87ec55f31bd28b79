//! The engine's answers, in markdown. Every number comes from a tool's digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use persai_protocol::evidence::QueryMode;
use serde::Deserialize;
use serde_json::Value;

use super::Done;
use super::figures::figure;
use super::talk::failed;
use super::text::{code, plain, query_code};
use crate::digest::{Digest, Finite};
use crate::local_time;
use crate::template;

/// Rows of a table; the chart has all series.
const MAX_ROWS: usize = 8;
/// What `query_metrics` told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) query: String,
    pub(super) mode: QueryMode,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
    pub(super) utc_offset_minutes: i32,
    pub(super) unit: Option<String>,
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    pub(super) digest: Digest,
    pub(super) empty: Option<Empty>,
}

#[derive(Deserialize)]
pub(super) struct Empty {
    pub(super) kind: String,
    pub(super) sentence: String,
    pub(super) next: Option<String>,
}

impl Found {
    pub(super) fn time(&self, ms: i64) -> String {
        let day = |ms| {
            local_time::clock(ms, self.utc_offset_minutes, true)
                .get(..10)
                .map(str::to_owned)
        };
        local_time::clock(
            ms,
            self.utc_offset_minutes,
            day(self.start_ms) != day(self.end_ms),
        )
    }

    fn window(&self) -> String {
        format!(
            "from {} to {} (UTC{})",
            self.time(self.start_ms),
            self.time(self.end_ms),
            match self.utc_offset_minutes {
                0 => String::new(),
                minutes => local_time::offset(minutes),
            }
        )
    }

    fn figure(&self, value: f64) -> String {
        figure(value, self.unit.as_deref())
    }
}

/// The answer to one or more queries.
pub(super) fn results(queried: &[&Done<'_>], notes: &[String]) -> String {
    let mut out = String::new();
    for done in queried {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        let title = done
            .arguments
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or("The query");
        match Found::deserialize(done.value()) {
            Ok(found) => out.push_str(&one_result(title, &found)),
            Err(_) => {
                let _ = write!(
                    out,
                    "**{}** could not be read. {}",
                    plain(title),
                    failed(done.value())
                );
            }
        }
    }
    for note in notes {
        let _ = write!(out, "\n\n{note}");
    }
    out
}

fn one_result(title: &str, found: &Found) -> String {
    let mut out = String::new();
    let title = plain(title);
    if let Some(empty) = &found.empty {
        let _ = write!(
            out,
            "**{title}**: no data {}. {}",
            found.window(),
            empty.sentence
        );
        if let Some(next) = &empty.next {
            let _ = write!(out, " {next}");
        }
    } else if let Some(text) = &found.digest.text {
        let _ = write!(out, "**{title}**: {}", code(text));
    } else {
        match found.mode {
            QueryMode::Range => over_a_window(&mut out, &title, found),
            QueryMode::Instant => at_a_moment(&mut out, &title, found),
        }
    }
    if let Some(reason) = &found.reason {
        let _ = write!(out, "\n\n{reason}");
    }
    for warning in found.warnings.iter().take(2) {
        let _ = write!(out, "\n\nThe datasource warns: {}", code(warning));
    }
    out.truncate(out.trim_end().len());
    let step = match found.mode {
        QueryMode::Range => format!(", step {}", template::duration(found.step_ms)),
        QueryMode::Instant => String::new(),
    };
    let _ = write!(out, "\n\nQuery: {}{step}.", query_code(&found.query));
    out
}

/// Rows with finite figures, largest average first.
fn ranked(digest: &Digest) -> Vec<(&BTreeMap<String, String>, Finite)> {
    let mut rows: Vec<(&BTreeMap<String, String>, Finite)> = digest
        .rows
        .iter()
        .filter_map(|row| Some((&row.labels, row.stats.finite?)))
        .collect();
    rows.sort_by(|a, b| b.1.avg.total_cmp(&a.1.avg));
    rows
}

fn over_a_window(out: &mut String, title: &str, found: &Found) {
    let digest = &found.digest;
    let rows = ranked(digest);
    match rows.as_slice() {
        [] => {
            let _ = write!(out, "**{title}** has no finite values {}.", found.window());
        }
        [(_, f)] if digest.total_series == 1 && f.min == f.max => {
            let _ = write!(
                out,
                "**{title}** stayed at {} {}.",
                found.figure(f.last),
                found.window()
            );
        }
        [(_, f)] if digest.total_series == 1 => {
            let _ = write!(
                out,
                "**{title}** was {} on average {}. It peaked at {} at {}, was lowest at {} at {}, and was {} at the end.",
                found.figure(f.avg),
                found.window(),
                found.figure(f.max),
                found.time(f.max_ms),
                found.figure(f.min),
                found.time(f.min_ms),
                found.figure(f.last)
            );
        }
        [(first_labels, first), rest @ ..] => {
            let _ = write!(
                out,
                "**{title}**, {}: {} was highest with {} on average",
                found.window(),
                name(first_labels, digest),
                found.figure(first.avg)
            );
            if let Some((labels, f)) = rest.first() {
                let _ = write!(
                    out,
                    ", then {} with {}",
                    name(labels, digest),
                    found.figure(f.avg)
                );
            }
            let highest = rows.iter().max_by(|a, b| a.1.max.total_cmp(&b.1.max));
            if let Some((labels, f)) = highest {
                let _ = write!(
                    out,
                    ". The highest point was {} at {} ({})",
                    found.figure(f.max),
                    found.time(f.max_ms),
                    name(labels, digest)
                );
            }
            let _ = writeln!(out, ". {} series.\n", digest.total_series);
            let header = if digest.labels.is_empty() {
                "series".to_owned()
            } else {
                digest.labels.join(", ")
            };
            let _ = writeln!(
                out,
                "| {header} | average | peak | at | last |\n| --- | ---: | ---: | --- | ---: |"
            );
            for (labels, f) in rows.iter().take(MAX_ROWS) {
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} | {} |",
                    name(labels, digest),
                    found.figure(f.avg),
                    found.figure(f.max),
                    found.time(f.max_ms),
                    found.figure(f.last)
                );
            }
        }
    }
    more_series(out, digest, rows.len());
    // Two steps may be missing at either end without a reason that matters.
    let slack_ms = 2 * found.step_ms;
    if let Some(begin_ms) = rows
        .iter()
        .map(|(_, f)| f.first_ms)
        .min()
        .filter(|ms| *ms > found.start_ms + slack_ms)
    {
        let _ = write!(out, "\n\nThere is no data before {}.", found.time(begin_ms));
    }
    if let Some(last_ms) = rows
        .iter()
        .map(|(_, f)| f.last_ms)
        .max()
        .filter(|ms| *ms < found.end_ms - slack_ms)
    {
        let _ = write!(out, "\n\nThere is no data after {}.", found.time(last_ms));
    }
    let broken = digest
        .rows
        .iter()
        .filter(|row| row.stats.gaps > 0 || row.stats.nan > 0)
        .count();
    if broken > 0 {
        let _ = write!(
            out,
            "\n\nIn {broken} of the series points are missing or are not numbers."
        );
    }
}

fn at_a_moment(out: &mut String, title: &str, found: &Found) {
    let digest = &found.digest;
    let rows = ranked(digest);
    let time = found.time(found.end_ms);
    match rows.as_slice() {
        [] => {
            let _ = write!(out, "**{title}** has no finite values at {time}.");
        }
        [(labels, f)] => {
            let of = if labels.is_empty() && digest.common_labels.is_empty() {
                String::new()
            } else {
                format!(
                    " ({})",
                    name(
                        if labels.is_empty() {
                            &digest.common_labels
                        } else {
                            labels
                        },
                        digest
                    )
                )
            };
            let _ = write!(out, "**{title}**: {} at {time}{of}.", found.figure(f.last));
        }
        [(labels, f), ..] => {
            let _ = writeln!(
                out,
                "**{title}** at {time}: {} is highest with {}. {} series.\n",
                name(labels, digest),
                found.figure(f.last),
                digest.total_series
            );
            let header = if digest.labels.is_empty() {
                "series".to_owned()
            } else {
                digest.labels.join(", ")
            };
            let _ = writeln!(out, "| {header} | value |\n| --- | ---: |");
            for (labels, f) in rows.iter().take(MAX_ROWS) {
                let _ = writeln!(
                    out,
                    "| {} | {} |",
                    name(labels, digest),
                    found.figure(f.last)
                );
            }
        }
    }
    more_series(out, digest, rows.len());
}

fn more_series(out: &mut String, digest: &Digest, rows: usize) {
    let shown = rows.min(MAX_ROWS) as u64;
    if rows > 1 && digest.total_series > shown {
        let _ = write!(
            out,
            "\n{} more series are in the chart.",
            digest.total_series - shown
        );
    }
}

/// The values of a series' labels, most telling first.
pub(super) fn name(labels: &BTreeMap<String, String>, digest: &Digest) -> String {
    let mut values: Vec<String> = digest
        .labels
        .iter()
        .filter_map(|label| labels.get(label))
        .filter(|v| !v.is_empty())
        .map(|v| code(v))
        .collect();
    if values.is_empty() {
        values = labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(_, v)| code(v))
            .collect();
    }
    if values.is_empty() {
        "the series".to_owned()
    } else {
        values.join(", ")
    }
}
