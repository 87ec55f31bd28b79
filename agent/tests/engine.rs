//! The built-in engine over whole turns.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use persai_agent::BuiltinEngine;
use persai_agent::message::{ContentBlock, Message};
use persai_agent::ports::{DataError, PromEndpoint};
use persai_protocol::evidence::QueryMode;
use persai_protocol::rest::RunState;
use support::world::World;
use support::{NOW_MS, Recorded, question, setup};

fn ask(words: &str) -> Recorded {
    ask_in(World::usual(), words)
}

fn ask_in(world: World, words: &str) -> Recorded {
    let mut setup = setup(BuiltinEngine::new(), words);
    setup.datasources = Arc::new(world);
    let recorded = setup.go();
    assert_eq!(
        recorded.end.state,
        RunState::Finished,
        "{words}: {:?}",
        recorded.error()
    );
    assert!(!recorded.text().trim().is_empty());
    recorded
}

#[test]
fn questions_become_the_right_queries() {
    use QueryMode::{Instant, Range};
    let cpu = "node_cpu_seconds_total";
    let requests = "shop_http_requests_total";
    for (words, templates, mode, minutes) in [
        ("what is the CPU usage per mode over the last 30 minutes?", vec![format!("sum by (mode) (rate({cpu}[$__rate_interval]))")], Range, 30),
        ("CPU usage", vec![format!("1 - avg (rate({cpu}{{mode=\"idle\"}}[$__rate_interval]))")], Range, 60),
        ("cpu by instance in the past 2 hours", vec![format!("1 - avg by (instance) (rate({cpu}{{mode=\"idle\"}}[$__rate_interval]))")], Range, 120),
        ("how busy is the cpu right now?", vec![format!("1 - avg (rate({cpu}{{mode=\"idle\"}}[$__rate_interval]))")], Instant, 60),
        ("memory usage", vec!["1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes".into()], Range, 60),
        ("how much free memory is there?", vec!["node_memory_MemAvailable_bytes".into()], Range, 60),
        (
            "disk space by mountpoint",
            vec!["1 - sum by (mountpoint) (node_filesystem_avail_bytes{fstype!~\"tmpfs|overlay|squashfs|ramfs\"}) / sum by (mountpoint) (node_filesystem_size_bytes{fstype!~\"tmpfs|overlay|squashfs|ramfs\"})".into()],
            Range,
            60,
        ),
        (
            "network traffic",
            vec![
                "sum by (device) (rate(node_network_receive_bytes_total{device!=\"lo\"}[$__rate_interval]))".into(),
                "sum by (device) (rate(node_network_transmit_bytes_total{device!=\"lo\"}[$__rate_interval]))".into(),
            ],
            Range,
            60,
        ),
        ("load average", vec!["node_load1".into()], Range, 60),
        ("uptime of the host", vec!["time() - node_boot_time_seconds".into()], Range, 60),
        ("show shop_http_requests_total", vec![format!("rate({requests}[$__rate_interval])")], Range, 60),
        ("shop_http_requests_total by handler", vec![format!("sum by (handler) (rate({requests}[$__rate_interval]))")], Range, 60),
        ("shop_http_requests_total by handler and code, code=500", vec![format!("sum by (handler, code) (rate({requests}{{code=\"500\"}}[$__rate_interval]))")], Range, 60),
        ("http requests per status", vec![format!("sum by (code) (rate({requests}[$__rate_interval]))")], Range, 60),
        ("top 2 handlers by shop_http_requests_total", vec![format!("topk(2, sum by (handler) (rate({requests}[$__rate_interval])))")], Instant, 60),
        ("how many http requests per handler in the last hour", vec![format!("sum by (handler) (increase({requests}[$__range]))")], Instant, 60),
        (
            "request latency",
            vec![[("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99")]
                .map(|(q, name)| format!("label_replace(histogram_quantile({q}, sum by (le) (rate(shop_http_request_duration_seconds_bucket[$__rate_interval]))), \"quantile\", \"{name}\", \"\", \"\")"))
                .join(" or ")],
            Range,
            60,
        ),
        ("p99 request latency by handler", vec!["histogram_quantile(0.99, sum by (le, handler) (rate(shop_http_request_duration_seconds_bucket[$__rate_interval])))".into()], Range, 60),
        ("average request duration", vec!["sum (rate(shop_http_request_duration_seconds_sum[$__rate_interval])) / sum (rate(shop_http_request_duration_seconds_count[$__rate_interval]))".into()], Range, 60),
        ("queue depth by queue", vec!["sum by (queue) (shop_queue_depth)".into()], Range, 60),
        ("wait in the queue", vec!["shop_queue_depth".into()], Range, 60),
        ("rpc_duration_seconds", vec!["max by (quantile) (rpc_duration_seconds)".into()], Range, 60),
        ("/metric node_load1 last 15 minutes", vec!["node_load1".into()], Range, 15),
        ("/metric up by job", vec!["avg by (job) (up)".into()], Range, 60),
        ("/query sum(rate(shop_http_requests_total[5m]))", vec!["sum(rate(shop_http_requests_total[5m]))".into()], Range, 60),
        ("sum(rate(shop_http_requests_total[$__rate_interval])) by (code)", vec!["sum(rate(shop_http_requests_total[$__rate_interval])) by (code)".into()], Range, 60),
        (
            "Show the top 5 instances by CPU usage",
            vec![format!("topk(5, 1 - avg by (instance) (rate({cpu}{{mode=\"idle\"}}[$__rate_interval])))")],
            Instant,
            60,
        ),
        (
            "mail queue depth",
            vec!["shop_queue_depth{queue=\"mail\"}".into()],
            Range,
            60,
        ),
        ("http errors", vec![format!("sum (rate({requests}{{code=~\"5..\"}}[$__rate_interval])) / sum (rate({requests}[$__rate_interval]))")], Range, 60),
        (
            "p90 request latency of /checkout",
            vec![
                "histogram_quantile(0.9, sum by (le) (rate(shop_http_request_duration_seconds_bucket{handler=\"/checkout\"}[$__rate_interval])))"
                    .into(),
            ],
            Range,
            60,
        ),
        (
            "cart errors",
            vec![format!(
                "sum (rate({requests}{{code=~\"5..\", handler=\"/cart\"}}[$__rate_interval])) / sum (rate({requests}{{handler=\"/cart\"}}[$__rate_interval]))"
            )],
            Range,
            60,
        ),
        (
            "error rate by handler",
            vec![format!(
                "sum by (handler) (rate({requests}{{code=~\"5..\"}}[$__rate_interval])) / sum by (handler) (rate({requests}[$__rate_interval]))"
            )],
            Range,
            60,
        ),
        ("what is down?", vec!["up == 0".into()], Instant, 60),
        ("which targets are there?", vec!["up".into()], Instant, 60),
    ] {
        let recorded = ask(words);
        let evidence = recorded.evidence();
        let asked: Vec<String> = evidence.iter().map(|e| e.query_template.clone()).collect();
        assert_eq!(asked, templates, "{words}\n{}", recorded.text());
        for e in &evidence {
            assert_eq!(e.mode, mode, "{words}");
            assert_eq!((e.end_ms - e.start_ms) / 60_000, minutes, "{words}");
            assert!((NOW_MS - e.end_ms) < e.step_ms, "{words} ends now");
        }
    }
}

#[test]
fn numbers_of_an_answer_are_the_digests() {
    let recorded = ask("what is the CPU usage per mode over the last 30 minutes?");
    let text = recorded.text();
    // Series n is n + 1 with a bump of 0.5 at point 3; four modes.
    assert!(
        text.contains("**CPU by mode**, from 09:50:30 to 10:20:30 (UTC)"),
        "{text}"
    );
    assert!(
        text.contains("`user` was highest with 4.06 on average"),
        "{text}"
    );
    assert!(
        text.contains("The highest point was 4.5 at 09:51:15 (`user`). 4 series."),
        "{text}"
    );
    assert!(
        text.contains("| mode | average | peak | at | last |"),
        "{text}"
    );
    assert!(
        text.contains("| `idle` | 1.06 | 1.5 | 09:51:15 | 1.12 |"),
        "{text}"
    );
    assert!(
        text.contains("Query: `sum by (mode) (rate(node_cpu_seconds_total[1m]))`, step 15s."),
        "{text}"
    );
    assert_eq!(
        recorded.tools_called(),
        ["describe_metric", "query_metrics"]
    );
    let deltas = recorded
        .events
        .iter()
        .filter(|e| matches!(e, persai_protocol::agui::Event::TextMessageContent { .. }))
        .count();
    assert!(deltas > 20, "streamed in words: {deltas}");
}

#[test]
fn metrics_are_listed() {
    let recorded = ask("Which metrics are there about memory?");
    assert!(
        recorded.text().contains("2 metrics fit `memory`"),
        "{}",
        recorded.text()
    );
    assert!(
        recorded
            .text()
            .contains("| `node_memory_MemTotal_bytes` | gauge | All memory. |"),
        "{}",
        recorded.text()
    );
    assert_eq!(recorded.tools_called(), ["search_metrics"]);
    let text = ask("list all metrics").text();
    assert!(text.contains("metrics have data in this window"), "{text}");
}

#[test]
fn units_are_written_out() {
    let text = ask("how much free memory is there?").text();
    assert!(text.contains(" B "), "{text}");
    let text = ask("p99 request latency by handler").text();
    assert!(text.contains(" s"), "{text}");
    let text = ask("memory usage").text();
    assert!(text.contains(" %"), "{text}");
}

#[test]
fn windows_are_resolved_in_the_askers_zone() {
    let mut setup = setup(BuiltinEngine::new(), "node_load1 since 14:00");
    setup.run.utc_offset_minutes = 345;
    let recorded = setup.go();
    // 14:00 in Kathmandu is 08:15 UTC.
    let evidence = &recorded.evidence()[0];
    let wanted = NOW_MS - (2 * 60 + 5) * 60_000 - 37_000;
    assert!((wanted - evidence.start_ms) >= 0 && (wanted - evidence.start_ms) < evidence.step_ms);
    assert!(
        recorded.text().contains("from 14:00 to 16:05"),
        "{}",
        recorded.text()
    );
    assert!(recorded.text().contains("UTC+05:45"), "{}", recorded.text());

    let yesterday = ask("node_load1 yesterday");
    let evidence = &yesterday.evidence()[0];
    assert_eq!(evidence.end_ms - evidence.start_ms, 86_400_000);
}

#[test]
fn what_is_down_is_said_plainly() {
    let up = ask("what is down?").text();
    assert!(up.contains("No target is down"), "{up}");
    let mut world = World::usual();
    let body = serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"__name__": "up", "job": "shop", "instance": "web-1"}, "value": [1, "0"]},
        {"metric": {"__name__": "up", "job": "shop", "instance": "web|2"}, "value": [1, "0"]}]}});
    world.special = vec![("up == 0", Ok(body.to_string()))];
    let down = ask_in(world, "what is down?").text();
    assert!(down.contains("**2 targets are down**"), "{down}");
    assert!(down.contains("| `web\\|2` | down |"), "{down}");
}

#[test]
fn what_is_missing_is_said_with_what_is_near() {
    let text = ask("/metric node_lod1").text();
    assert!(
        text.contains("There is no metric `node_lod1`") && text.contains("`node_load1`"),
        "{text}"
    );
    let text = ask("show unicorns").text();
    assert!(
        text.contains("No metric of this datasource fits `unicorns`")
            && text.contains("not an LLM"),
        "{text}"
    );
    let text = ask("shop_queue_depth by flavour").text();
    assert!(
        text.contains("`shop_queue_depth` has no label `flavour`; it has `queue`"),
        "{text}"
    );
    let text = ask("/query shop_queue_depth{queue=\"nope\"} > 5").text();
    assert!(text.contains("step"), "{text}");
    let mut world = World::usual();
    let empty =
        serde_json::json!({"status": "success", "data": {"resultType": "matrix", "result": []}});
    world.special = vec![("shop_queue_depth", Ok(empty.to_string()))];
    let text = ask_in(world, "/query shop_queue_depth{queue=\"nope\"}").text();
    assert!(
        text.contains("has no label queue with the value") && text.contains("\"mail\", \"orders\""),
        "{text}"
    );
    let text = ask("/query no_such_metric_total").text();
    assert!(text.contains("There is no metric"), "{text}");
}

#[test]
fn a_failing_datasource_is_said_and_nothing_is_made_up() {
    for error in [
        DataError::Unreachable,
        DataError::Timeout { after_ms: 30_000 },
        DataError::Forbidden { missing: None },
    ] {
        let mut world = World::usual();
        world.special = vec![("", Err(error))];
        let text = ask_in(world, "cpu usage").text();
        assert!(
            text.contains("datasource prom") || text.contains("Datasource prom"),
            "{text}"
        );
        assert!(!text.contains('|'), "{text}");
    }
    let mut world = World::usual();
    world.describe_error = Some(DataError::CredentialsExpired);
    let text = ask_in(world, "what is down?").text();
    assert!(text.contains("session has run out"), "{text}");
    let text = ask("/query sum(").text();
    assert!(
        text.contains("Prometheus does not take the query"),
        "{text}"
    );
}

#[test]
fn fewer_allowed_endpoints_are_worked_around_or_named() {
    let mut world = World::usual();
    world.allowed = vec![PromEndpoint::Query, PromEndpoint::QueryRange];
    let recorded = ask_in(world, "cpu per mode");
    assert_eq!(recorded.evidence().len(), 1, "{}", recorded.text());
    let mut world = World::usual();
    world.allowed = vec![PromEndpoint::QueryRange];
    let recorded = ask_in(world, "shop_http_requests_total");
    assert_eq!(
        recorded.evidence()[0].query_template,
        "rate(shop_http_requests_total[$__rate_interval])"
    );
    let mut world = World::usual();
    world.allowed = vec![PromEndpoint::QueryRange];
    let text = ask_in(world, "show the unicorns").text();
    assert!(text.contains("allowed endpoints"), "{text}");
    let mut world = World::usual();
    world.allowed = vec![];
    let text = ask_in(world, "cpu").text();
    assert!(
        text.contains("no Prometheus datasource that could be asked"),
        "{text}"
    );
}

#[test]
fn it_says_what_it_is() {
    for words in [
        "/help",
        "help",
        "are you an LLM?",
        "what is the",
        "???",
        "/nonsense",
    ] {
        let recorded = ask(words);
        assert!(
            recorded.text().contains("built-in engine, not an LLM"),
            "{words}: {}",
            recorded.text()
        );
        assert!(recorded.tools_called().is_empty());
    }
}

#[test]
fn a_following_question_keeps_the_metric() {
    let first = ask("show shop_http_requests_total");
    let mut history: Vec<Message> = vec![question("show shop_http_requests_total")];
    history.extend(first.messages());
    history.push(question("and by code over the last 2 hours?"));
    let mut setup = setup(BuiltinEngine::new(), "and by code over the last 2 hours?");
    setup.run.history = history;
    let recorded = setup.go();
    let evidence = &recorded.evidence()[0];
    assert_eq!(
        evidence.query_template,
        "sum by (code) (rate(shop_http_requests_total[$__rate_interval]))"
    );
    assert_eq!(evidence.end_ms - evidence.start_ms, 7_200_000);
    // Ids go on through the conversation.
    let ids = |messages: &[Message]| -> Vec<String> {
        messages
            .iter()
            .flat_map(|m| &m.blocks)
            .filter_map(|b| {
                if let ContentBlock::ToolCall { id, .. } = b {
                    Some(id.clone())
                } else {
                    None
                }
            })
            .collect()
    };
    assert!(
        ids(&first.messages())
            .iter()
            .all(|id| !ids(&recorded.messages()).contains(id))
    );
}

#[test]
fn without_rounds_left_it_says_so() {
    let mut setup = setup(BuiltinEngine::new(), "cpu usage");
    setup.run.budgets.rounds = 1;
    let recorded = setup.go();
    assert!(
        recorded.text().contains("budget of this turn ended"),
        "{}",
        recorded.text()
    );
}

#[test]
fn the_same_question_gives_the_same_events() {
    let one = ask("top 3 handlers by shop_http_requests_total");
    let two = ask("top 3 handlers by shop_http_requests_total");
    assert_eq!(one.entries, two.entries);
}

#[test]
fn any_question_ends_in_an_answer() {
    let words = [
        "cpu", "by", "per", "top", "5", "last", "hours", "since", "14:00", "/query", "/metric",
        "{", "}", "(", "up", "|", "`", "and", "p99", "x_y", "=", "ü", "",
    ];
    // Every pair and a walk of triples; the order is fixed.
    for (i, a) in words.iter().enumerate() {
        for (j, b) in words.iter().enumerate() {
            let c = words[(i * 7 + j * 3) % words.len()];
            let question = format!("{a} {b} {c}");
            let mut setup = setup(BuiltinEngine::new(), &question);
            setup.run.history = vec![support::question(&question)];
            let recorded = setup.go();
            assert_eq!(recorded.end.state, RunState::Finished, "{question:?}");
        }
    }
}
