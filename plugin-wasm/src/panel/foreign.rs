//! Tools that send no evidence (another agent's): mapped by the shape of their arguments where that fits.
//!
//! The shape is a query under `query`, `expr` or `promql`, and perhaps a window of `start` and `end` with a `step`, as
//! Prometheus' own API and the tools around it have them.

use persai_protocol::evidence::{DatasourceSelector, QueryMode, ResultKind};
use serde_json::Value;

use super::source::PanelSource;

const HOUR_MS: i64 = 3_600_000;
/// Points in the window where no step is named.
const POINTS: i64 = 240;

/// A panel's source from a foreign tool's arguments; `now_ms` is what "now" in them means.
#[must_use]
pub fn source(
    tool: &str,
    title: &str,
    arguments: &Value,
    datasource: &DatasourceSelector,
    now_ms: i64,
) -> Option<PanelSource> {
    let text = |names: &[&str]| names.iter().find_map(|name| arguments.get(name)?.as_str());
    let value = |names: &[&str]| names.iter().find_map(|name| arguments.get(name));
    let query = text(&["query", "expr", "promql"]).filter(|query| !query.trim().is_empty())?;
    let start =
        value(&["start", "startTime", "start_time"]).and_then(|value| time_ms(value, now_ms));
    let end = value(&["end", "endTime", "end_time"]).and_then(|value| time_ms(value, now_ms));
    // Without a window only a tool that says "query" is taken for one: `query` is what a search is given as well.
    if start.is_none() && !tool.contains("query") {
        return None;
    }
    let end_ms = end.unwrap_or(now_ms);
    let (mode, result) = match start {
        Some(_) => (QueryMode::Range, ResultKind::Matrix),
        None => (QueryMode::Instant, ResultKind::Vector),
    };
    let start_ms = start.unwrap_or(end_ms - HOUR_MS);
    if start_ms >= end_ms {
        return None;
    }
    let step_ms = value(&["step", "stepSeconds", "step_seconds", "resolution"])
        .and_then(duration_ms)
        .filter(|step| *step > 0)
        .unwrap_or(((end_ms - start_ms) / POINTS / 1000).max(1) * 1000);
    Some(PanelSource {
        title: title.to_owned(),
        query: query.to_owned(),
        query_template: query.to_owned(),
        datasource: datasource.clone(),
        mode,
        start_ms: start_ms.div_euclid(step_ms) * step_ms,
        end_ms: end_ms.div_euclid(step_ms) * step_ms,
        step_ms,
        result,
        series: None,
        labels: Vec::new(),
        metric_type: None,
        unit: None,
        verdict: None,
    })
}

/// Seconds or milliseconds since 1970, RFC 3339, `now`, `now-1h`.
fn time_ms(value: &Value, now_ms: i64) -> Option<i64> {
    if let Some(number) = whole_number(value) {
        return epoch_ms(number);
    }
    let text = value.as_str()?.trim();
    match text.strip_prefix("now") {
        Some("") => Some(now_ms),
        Some(rest) => Some(now_ms - parse_duration(rest.trim().strip_prefix('-')?)?),
        None => rfc3339_ms(text),
    }
}

/// Numbers past the year 5138 as seconds are milliseconds.
fn epoch_ms(number: i64) -> Option<i64> {
    match number {
        0..100_000_000_000 => Some(number * 1000),
        100_000_000_000..100_000_000_000_000 => Some(number),
        _ => None,
    }
}

/// A number of seconds, or a duration.
fn duration_ms(value: &Value) -> Option<i64> {
    match whole_number(value) {
        Some(secs) => (0..1_000_000_000).contains(&secs).then_some(secs * 1000),
        None => parse_duration(value.as_str()?),
    }
}

/// A number, or one in quotes, without its fraction.
#[allow(clippy::cast_possible_truncation)]
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or(number.as_f64().map(|number| number as i64)),
        Value::String(text) => {
            let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
            if fraction.bytes().all(|b| b.is_ascii_digit()) {
                whole.parse().ok()
            } else {
                None
            }
        }
        _ => None,
    }
}

/// `1h30m`, `15s`, `500ms`.
fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => HOUR_MS,
            "d" => 24 * HOUR_MS,
            "w" => 7 * 24 * HOUR_MS,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit_ms)?)?;
        rest = tail;
    }
    (total > 0).then_some(total)
}

/// `2026-11-24T14:00:00Z`, with fractions and offsets.
fn rfc3339_ms(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, secs) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hours > 23
        || minutes > 59
        || secs > 60
    {
        return None;
    }
    let zone = text
        .get(19..)?
        .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset_minutes = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (h, m) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
            sign * (h.parse::<i64>().ok()? * 60 + m.parse::<i64>().ok()?)
        }
    };
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + day_of_era - 719_468;
    Some((days * 86_400 + hours * 3600 + (minutes - offset_minutes) * 60 + secs) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_795_532_400_000;

    fn map(tool: &str, arguments: Value) -> Option<(QueryMode, i64, i64, i64)> {
        let datasource = DatasourceSelector {
            kind: "PrometheusDatasource".into(),
            name: "p".into(),
            project: None,
        };
        source(tool, "t", &arguments, &datasource, NOW)
            .map(|s| (s.mode, s.start_ms, s.end_ms, s.step_ms))
    }

    #[test]
    fn reads_the_usual_spellings_of_a_window() {
        let hour = Some((QueryMode::Range, NOW - HOUR_MS, NOW, 15_000));
        for (start, end, step) in [
            (json!(1_795_528_800), json!(1_795_532_400), json!(15)),
            (json!("1795528800.25"), json!("1795532400000"), json!("15")),
            (
                json!("2026-11-24T14:00:00Z"),
                json!("2026-11-24T20:45:00+05:45"),
                json!("15s"),
            ),
            (json!("now-1h"), json!("now"), json!("15s")),
        ] {
            assert_eq!(
                map(
                    "run",
                    json!({"query": "up", "start": start, "end": end, "step": step})
                ),
                hour
            );
        }
        assert_eq!(
            map("run", json!({"expr": "up", "start": "now-1h"})),
            hour,
            "a step is chosen"
        );
    }

    #[test]
    fn what_does_not_fit_stays_raw() {
        for arguments in [
            json!({"query": "how do I restart it"}),
            json!({"start": 1, "end": 2}),
            json!({"query": "up", "start": "now", "end": "now-1h"}),
            json!({"query": 5}),
            json!("up"),
            json!(null),
        ] {
            assert_eq!(
                map("search_documents", arguments.clone()),
                None,
                "{arguments}"
            );
        }
        assert!(matches!(
            map("query_prometheus", json!({"query": "up"})),
            Some((QueryMode::Instant, ..))
        ));
    }
}
