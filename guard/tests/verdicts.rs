//! Decisions on whole queries.
#![allow(clippy::unwrap_used)]

use persai_guard::{Judgement, Mode, Policy, Request, judge};
use persai_protocol::evidence::Decision;

fn ask(query: &str, range_secs: i64, step_secs: i64) -> Judgement {
    judge(
        &Request {
            query,
            range_secs,
            step_secs,
            known_series: None,
        },
        &Policy::default(),
    )
}

fn decision(query: &str) -> Decision {
    ask(query, 3_600, 15).verdict.decision
}

#[test]
fn everyday_queries_are_allowed() {
    for query in [
        "up",
        "1 + 1",
        "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
        r#"histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket{job="api"}[5m])))"#,
        "topk(5, sum by (instance) (rate(x_total[5m])))",
        r#"{job="api"}"#,
        r#"{__name__=~"node_.+"}"#,
        r#"x{a="1" or b="2"}"#,
        r#"{"http.requests", job="a"}"#,
        "max_over_time(rate(x_total[5m])[1h:1m])",
        "time() - node_boot_time_seconds",
        "x offset 1d",
        "x unless on (a) y",
    ] {
        let judgement = ask(query, 3_600, 15);
        assert_eq!(
            judgement.verdict.decision,
            Decision::Allow,
            "{query}: {:?}",
            judgement.verdict
        );
        assert!(
            judgement.verdict.reason.is_none() && !judgement.blocked && judgement.tree.is_some()
        );
    }
}

#[test]
fn selectors_that_select_nothing_are_denied_however_they_are_spelled() {
    for regex in [
        ".*",
        ".+",
        "(.*)",
        "(.+)",
        ".{0,}",
        ".{1,}",
        ".+|x",
        "x|.*",
        "(?s).+",
        "[^ ]+.*",
        "[a-zA-Z_:].*",
        "(?:.)+",
    ] {
        for query in [
            format!("{{__name__=~{regex:?}}}"),
            format!("count({{__name__=~{regex:?}}})"),
        ] {
            let judgement = ask(&query, 0, 0);
            assert_eq!(judgement.verdict.decision, Decision::Deny, "{query}");
            assert!(
                judgement.blocked && judgement.verdict.reason.unwrap().contains("every series")
            );
        }
    }
    for query in [
        r#"{job=~".+"}"#,
        r#"{job=~"(.*)|x", instance!=""}"#,
        r#"{__name__!="x"}"#,
        r#"{__name__!~"node_.*"}"#,
        r#"rate({job=~".+"}[5m])"#,
        r#"up + on() group_left count({instance=~".{1,}"})"#,
        r#"{job="a" or instance=~".+"}"#,
    ] {
        assert_eq!(decision(query), Decision::Deny, "{query}");
    }
}

#[test]
fn a_regex_that_does_narrow_is_allowed() {
    for query in [
        r#"{job=~"api|web"}"#,
        r#"{__name__=~".*_seconds_total"}"#,
        r#"up{job=~".*"}"#,
        r#"{job=~"a.*"}"#,
    ] {
        assert_eq!(decision(query), Decision::Allow, "{query}");
    }
}

#[test]
fn the_window_is_capped_with_a_sentence() {
    let judgement = ask("up", 60 * 86_400, 3_600);
    assert_eq!(judgement.verdict.decision, Decision::Deny);
    assert_eq!(
        judgement.verdict.reason.unwrap(),
        "The window is 60 days long; at most 32 days may be asked at once. Take a shorter window."
    );
    assert_eq!(decision("rate(x_total[1y])"), Decision::Deny);
    assert_eq!(decision("x offset 52w"), Decision::Deny);
    assert_eq!(ask("up", -5, 15).verdict.decision, Decision::Deny);
    assert_eq!(ask("up", 60, 0).verdict.decision, Decision::Deny);
}

#[test]
fn too_many_points_are_narrowed_to_a_step_that_fits_exactly() {
    for (range, step) in [(86_400, 1), (11_000, 1), (86_400 * 30, 15), (1_000_003, 7)] {
        let judgement = ask("up", range, step);
        assert_eq!(
            judgement.verdict.decision,
            Decision::Narrow,
            "{range}/{step}"
        );
        let narrowed = judgement.narrowed.unwrap().step_secs;
        assert!(range / narrowed < 11_000, "{narrowed}");
        assert!(
            narrowed == 1 || range / (narrowed - 1) + 1 > 11_000,
            "not longer than needed: {narrowed}"
        );
    }
    assert_eq!(ask("up", 10_999, 1).verdict.decision, Decision::Allow);
}

#[test]
fn known_series_weigh_in() {
    let policy = Policy {
        max_samples: 100_000,
        ..Policy::default()
    };
    let with = |known_series| {
        judge(
            &Request {
                query: "x",
                range_secs: 3_600,
                step_secs: 15,
                known_series,
            },
            &policy,
        )
    };
    assert_eq!(with(None).verdict.decision, Decision::Allow);
    assert_eq!(with(Some(100)).verdict.decision, Decision::Allow);
    let narrowed = with(Some(1_000)).narrowed.unwrap().step_secs;
    assert!((3_600 / narrowed + 1) * 1_000 <= 100_000);
    assert_eq!(with(Some(90_000)).verdict.decision, Decision::Deny);
}

#[test]
fn subquery_points_are_counted() {
    assert_eq!(
        decision("max_over_time(rate(x_total[5m])[30d:1s])"),
        Decision::Deny
    );
    assert_eq!(
        ask("max_over_time(rate(x_total[5m])[1d:10s])", 86_400, 10)
            .verdict
            .decision,
        Decision::Deny
    );
    assert_eq!(
        ask("max_over_time(rate(x_total[5m])[1d:1m])", 0, 0)
            .verdict
            .decision,
        Decision::Allow
    );
    assert_eq!(
        decision("max_over_time(max_over_time(x[1h:1s])[1h:1s])"),
        Decision::Deny
    );
}

#[test]
fn what_cannot_be_read_is_asked_about_and_not_called_wrong() {
    for query in [
        "rate(x[5m]) garbage(",
        "sum by (",
        "x{",
        "",
        "future_function(x)",
    ] {
        let judgement = ask(query, 3_600, 15);
        assert_eq!(judgement.verdict.decision, Decision::Ask, "{query}");
        assert!(!judgement.blocked && judgement.tree.is_none());
    }
    // Rules that need no tree still hold.
    assert_eq!(
        ask("future_function(x)", 60 * 86_400, 3_600)
            .verdict
            .decision,
        Decision::Deny
    );
    assert_eq!(
        ask("future_function(x)", 86_400, 1).verdict.decision,
        Decision::Narrow
    );
}

#[test]
fn long_and_deep_queries_end_in_a_decision_on_a_small_stack() {
    let queries = vec![
        "x".repeat(5_000),
        "-".repeat(4_000) + "x",
        "(".repeat(2_000) + "1" + &")".repeat(2_000),
        "abs(".repeat(800) + "x" + &")".repeat(800),
        vec!["1"; 2_000].join("+"),
        "(".to_string() + &"-{}-1".repeat(700) + ")" + &"[1m:]".repeat(100),
    ];
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            for query in queries {
                assert_ne!(
                    ask(&query, 3_600, 15).verdict.decision,
                    Decision::Allow,
                    "{}",
                    &query[..20]
                );
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn modes_differ_only_in_what_they_stop() {
    let with = |mode| {
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        judge(
            &Request {
                query: r#"{job=~".+"}"#,
                range_secs: 86_400,
                step_secs: 1,
                known_series: None,
            },
            &policy,
        )
    };
    assert!(with(Mode::Enforce).blocked);
    let shadow = with(Mode::Shadow);
    assert!(!shadow.blocked && shadow.narrowed.is_none());
    assert_eq!(shadow.verdict.decision, Decision::Deny);
    assert!(
        shadow
            .verdict
            .reason
            .unwrap()
            .starts_with("Not enforced here")
    );
    let off = with(Mode::Off);
    assert_eq!(
        (off.verdict.decision, off.blocked),
        (Decision::Allow, false)
    );
}

#[test]
fn a_subquery_in_a_parameter_is_counted_too() {
    for query in [
        "topk(scalar(max_over_time(x[30d:1s])), up)",
        "quantile(scalar(max_over_time(x[30d:1s])), up)",
    ] {
        assert_eq!(decision(query), Decision::Deny, "{query}");
    }
}

/// Debug builds panic where arithmetic overflows.
#[test]
fn durations_and_times_at_the_end_of_the_numbers_end_in_a_decision() {
    for number in [
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999",
        "292277026597",
    ] {
        for query in [
            "up[{n}y]",
            "rate(up[{n}ms])",
            "up offset {n}y",
            "up offset -{n}y",
            "max_over_time(up[{n}y:1ms])",
            "max_over_time(up[{n}ms:{n}ms] offset {n}s)",
            "up @ {n}",
            "up @ -{n}",
            "up @ {n}e300",
            "topk({n}, up)",
        ] {
            let _ = decision(&query.replace("{n}", number));
        }
    }
    for query in [
        "up{x=\"\\u\"}",
        "up{x=\"\\xzz\"}",
        "up{x=~\"\\Q\"}",
        "\u{feff}up",
        "up{\"ü\"=\"\\U0010ffff\"}",
        "up[",
        "'",
        "\\",
        "0x",
        "1e",
        "up @ NaN",
        "up @ Inf",
    ] {
        let _ = decision(query);
    }
    for (range, step) in [
        (i64::MAX, 1),
        (i64::MAX, i64::MAX),
        (i64::MIN, 1),
        (1, i64::MIN),
        (0, i64::MAX),
    ] {
        let _ = ask("up", range, step);
    }
}
