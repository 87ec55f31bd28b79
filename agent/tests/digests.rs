//! Digests against figures that are computed another way, over many generated series.
#![allow(clippy::unwrap_used)]

use persai_agent::align::Window;
use persai_agent::digest::{self, MAX_CHARS, MAX_ROWS, digest as make, exact, table};
use persai_agent::prom::query_result;
use serde_json::{Value, json};

/// A small generator of the same numbers each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

struct Series {
    labels: Value,
    samples: Vec<(i64, String)>,
}

fn generate(chance: &mut Chance, series: usize, points: i64, step: i64) -> Vec<Series> {
    (0..series)
        .map(|n| {
            let mut samples = Vec::new();
            for at in 0..points {
                let value = match chance.below(20) {
                    0 => continue,
                    1 => "NaN".to_owned(),
                    2 => ["+Inf", "-Inf"][chance.below(2) as usize].to_owned(),
                    3 => format!("{}e-{}", chance.below(1000), chance.below(12)),
                    _ => format!("{}", chance.below(2_000_000) as f64 / 7.0 - 100_000.0),
                };
                samples.push((1_795_515_600 + at * step, value));
            }
            Series {
                labels: json!({"n": n.to_string(), "same": "x"}),
                samples,
            }
        })
        .collect()
}

fn body(series: &[Series]) -> Vec<u8> {
    let result: Vec<Value> = series
        .iter()
        .map(|s| json!({"metric": s.labels, "values": s.samples.iter().map(|(t, v)| json!([t, v])).collect::<Vec<_>>()}))
        .collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
        .to_string()
        .into_bytes()
}

#[test]
fn peak_time_gaps_and_nan_are_exact() {
    let mut chance = Chance(42);
    for round in 0..200 {
        let step = [1, 15, 60][round % 3];
        let points = 2 + chance.below(240) as i64;
        let (start, end) = (1_795_515_600, 1_795_515_600 + (points - 1) * step);
        let window = Window {
            start_secs: start,
            end_secs: end,
            step_secs: step,
        };
        let count = 1 + chance.below(5) as usize;
        let series = generate(&mut chance, count, points, step);
        let body = body(&series);
        let result = query_result(&body).unwrap();
        let made = make(&result, Some(&window), &[]);
        for (n, s) in series.iter().enumerate() {
            let row = made
                .rows
                .iter()
                .find(|row| {
                    row.labels
                        .get("n")
                        .is_none_or(|label| *label == n.to_string())
                })
                .unwrap();
            let finite: Vec<(i64, f64)> = s
                .samples
                .iter()
                .map(|(t, v)| (*t, v.parse::<f64>().unwrap()))
                .filter(|(_, v)| v.is_finite())
                .collect();
            assert_eq!(row.stats.count, s.samples.len() as u64);
            assert_eq!(
                row.stats.nan,
                s.samples.iter().filter(|(_, v)| v == "NaN").count() as u64
            );
            assert_eq!(
                row.stats.infinite,
                s.samples.iter().filter(|(_, v)| v.ends_with("Inf")).count() as u64
            );
            assert_eq!(row.stats.missing, points as u64 - s.samples.len() as u64);
            let gaps = (1..points)
                .filter(|at| {
                    let has = |at: i64| s.samples.iter().any(|(t, _)| *t == start + at * step);
                    !has(*at)
                        && has(at - 1)
                        && s.samples.iter().any(|(t, _)| *t > start + at * step)
                })
                .count();
            assert_eq!(row.stats.gaps, gaps as u64, "round {round}");
            let Some(f) = row.stats.finite else {
                assert!(finite.is_empty());
                continue;
            };
            let mut by_value = finite.clone();
            by_value.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            assert_eq!((f.min, f.min_ms), (by_value[0].1, by_value[0].0 * 1000));
            by_value.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!((f.max, f.max_ms), (by_value[0].1, by_value[0].0 * 1000));
            assert_eq!((f.first, f.last), (finite[0].1, finite[finite.len() - 1].1));
            let sum: f64 = finite.iter().map(|(_, v)| v).sum();
            assert!((f.avg - sum / finite.len() as f64).abs() <= 1e-6 * f.avg.abs().max(1.0));
            let text = table(&made, Some(&window), 0);
            assert!(
                text.contains(&exact(f.max)),
                "the peak is in the text in full: {text}"
            );
        }
    }
}

#[test]
fn twenty_series_of_240_points_cost_a_thirtieth_of_their_json() {
    let mut chance = Chance(7);
    let series = generate(&mut chance, 20, 240, 15);
    let body = body(&series);
    let window = Window {
        start_secs: 1_795_515_600,
        end_secs: 1_795_515_600 + 239 * 15,
        step_secs: 15,
    };
    let text = table(
        &make(&query_result(&body).unwrap(), Some(&window), &[]),
        Some(&window),
        0,
    );
    assert!(
        body.len() / text.len() >= 30,
        "{} / {}",
        body.len(),
        text.len()
    );
    assert!(text.contains("other (8 series)"), "{text}");
}

#[test]
fn many_series_and_long_labels_stay_within_the_cap() {
    let series: Vec<Series> = (0..3_000)
        .map(|n| Series {
            labels: json!({"pod": format!("{n:0>400}"), "x": "y".repeat(500)}),
            samples: vec![(1_795_515_600, format!("{n}"))],
        })
        .collect();
    let body = body(&series);
    let window = Window {
        start_secs: 1_795_515_600,
        end_secs: 1_795_515_615,
        step_secs: 15,
    };
    let made = make(&query_result(&body).unwrap(), Some(&window), &[]);
    assert_eq!((made.total_series, made.rows.len()), (3_000, MAX_ROWS));
    assert_eq!(
        made.rows[0].stats.finite.unwrap().max,
        2_999.0,
        "the largest come first"
    );
    assert!(table(&made, Some(&window), 0).len() <= MAX_CHARS);
}

#[test]
fn other_results_are_told_too() {
    let scalar =
        br#"{"status":"success","data":{"resultType":"scalar","result":[1795515600,"42"]}}"#;
    let made = make(&query_result(scalar).unwrap(), None, &[]);
    assert!(table(&made, None, 0).contains("{} | 42"));
    let string =
        br#"{"status":"success","data":{"resultType":"string","result":[1795515600,"hello"]}}"#;
    assert_eq!(
        make(&query_result(string).unwrap(), None, &[])
            .text
            .as_deref(),
        Some("hello")
    );
    let native = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1795515600,{"count":"5","sum":"12.5","buckets":[[0,"1","2","5"]]}]]}]}}"#;
    let made = make(&query_result(native).unwrap(), None, &[]);
    assert!(made.native_histogram);
    assert_eq!(made.rows[0].stats.finite.unwrap().last, 12.5);
    let escaped = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a\"b":"c\\d"},"value":[1.5,"1e+06"]}]},"warnings":["w"],"infos":["i"]}"#;
    let result = query_result(escaped.as_bytes()).unwrap();
    assert_eq!(result.warnings, ["w", "i"]);
    assert_eq!(result.series[0].samples, [(1.5, 1e6)]);
}

#[test]
fn labels_that_the_query_names_come_first() {
    let series: Vec<Series> = (0..6)
        .map(|n| Series {
            labels: json!({"cpu": n.to_string(), "mode": (if n % 2 == 0 { "idle" } else { "user" }), "job": "node"}),
            samples: vec![(1, "1".into())],
        })
        .collect();
    let body = body(&series);
    let result = query_result(&body).unwrap();
    assert_eq!(
        digest::digest(&result, None, &["mode".into()]).labels,
        ["mode", "cpu"]
    );
    assert_eq!(digest::digest(&result, None, &[]).labels, ["cpu", "mode"]);
}
