//! Tests of [`super`].

use super::*;

fn ask(question: &str) -> Ask {
    match read(question) {
        Intent::Show(ask) => ask,
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn parts_of_a_question_are_found() {
    let cpu = ask("what is the CPU usage per mode over the last 30 minutes?");
    assert_eq!(
        (cpu.keywords.join(" "), cpu.by.join(" ")),
        ("cpu usage".into(), "mode".into())
    );
    assert_eq!(cpu.when.duration.as_deref(), Some("30m"));

    let top = ask("top 3 instances by http_requests_total");
    assert_eq!(
        (top.top, top.metric.as_deref()),
        (Some(3), Some("http_requests_total"))
    );
    let top = ask("Show the top 5 instances by CPU usage");
    assert_eq!(
        (top.by.join(" "), top.keywords.join(" ")),
        ("instances".into(), "cpu usage".into())
    );
    let top = ask("top 5 cpu usage by instance");
    assert_eq!(
        (top.by.join(" "), top.keywords.join(" ")),
        ("instance".into(), "cpu usage".into())
    );
    assert_eq!(ask("the 5 busiest devices by network traffic").top, Some(5));

    let rate = ask("Show http_requests_total by job and status_code since 14:00, code=500");
    assert_eq!(rate.metric.as_deref(), Some("http_requests_total"));
    assert_eq!(rate.by, ["job", "status_code"]);
    assert_eq!(rate.filters, [("code".to_owned(), "500".to_owned())]);
    assert_eq!(rate.when.start.as_deref(), Some("14:00"));

    assert_eq!(ask("p99 latency per handler").quantile, Some(0.99));
    assert_eq!(
        ask("95th percentile of request latency").quantile,
        Some(0.95)
    );
    assert!(ask("how many requests today").wants_total);
    assert_eq!(ask("requests per second").by, Vec::<String>::new());
    assert_eq!(
        ask("/metric queue_depth last 2h").metric.as_deref(),
        Some("queue_depth")
    );
    assert_eq!(ask("/metric up").metric.as_deref(), Some("up"));
}

#[test]
fn commands_and_talk_are_told_apart() {
    assert_eq!(read("/help"), Intent::Help);
    assert_eq!(read("help"), Intent::Help);
    assert_eq!(read("/query"), Intent::Help);
    assert_eq!(read("Are you an LLM?"), Intent::WhoAreYou);
    assert_eq!(read("what is down?"), Intent::Targets { only_down: true });
    assert_eq!(
        read("which targets are there"),
        Intent::Targets { only_down: false }
    );
    assert!(
        matches!(read("/query sum(rate(x[5m]))"), Intent::Query { promql, .. } if promql == "sum(rate(x[5m]))")
    );
    assert!(matches!(
        read("sum by (job) (rate(x_total[$__rate_interval]))"),
        Intent::Query { .. }
    ));
    assert_eq!(read("what is the"), Intent::Unknown);
    assert_eq!(read("???"), Intent::Unknown);
}
