//! Units and types of results, and what else is read off the tree.
#![allow(clippy::unwrap_used)]

use persai_guard::{MetricFacts, measure, parse};
use persai_protocol::evidence::MetricType;

fn facts(name: &str) -> MetricFacts {
    let metric_type = match name {
        "queue_depth" | "node_load1" | "up" => Some(MetricType::Gauge),
        _ => None,
    };
    MetricFacts {
        metric_type,
        unit: None,
    }
}

#[test]
fn units_follow_the_query() {
    for (query, unit) in [
        (
            "rate(node_network_receive_bytes_total[1m])",
            Some("bytes/sec"),
        ),
        (
            "sum by (device) (irate(node_network_receive_bytes_total[1m]))",
            Some("bytes/sec"),
        ),
        (
            "rate(node_network_receive_bytes_total[1m]) * 8",
            Some("bits/sec"),
        ),
        ("increase(x_bytes_total[1h])", Some("bytes")),
        (
            "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
            Some("decimal"),
        ),
        (
            "avg by (mode) (rate(node_cpu_seconds_total[1m]))",
            Some("percent-decimal"),
        ),
        (
            "100 * avg(rate(node_cpu_seconds_total[1m]))",
            Some("percent"),
        ),
        (
            "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))",
            Some("percent-decimal"),
        ),
        ("node_memory_MemAvailable_bytes", Some("bytes")),
        (
            "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
            Some("percent-decimal"),
        ),
        (
            "(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100",
            Some("percent"),
        ),
        (
            "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes",
            Some("bytes"),
        ),
        (
            "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
            Some("seconds"),
        ),
        (
            "histogram_quantile(0.9, sum by (le) (rate(http_response_size_bytes_bucket[5m])))",
            Some("bytes"),
        ),
        (
            "histogram_quantile(0.5, rate(rpc_duration_seconds[5m]))",
            Some("seconds"),
        ),
        (
            "rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])",
            Some("seconds"),
        ),
        ("rate(http_requests_total[5m])", Some("requests/sec")),
        (
            "rate(node_network_receive_packets_total[5m])",
            Some("packets/sec"),
        ),
        ("rate(go_gc_cycles_total[5m])", Some("counts/sec")),
        (
            "sum(rate(http_requests_total{code=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))",
            Some("percent-decimal"),
        ),
        ("count(up == 0)", Some("decimal")),
        ("up", Some("decimal")),
        ("queue_depth", Some("decimal")),
        ("time() - node_boot_time_seconds", Some("seconds")),
        ("node_boot_time_seconds", None),
        ("node_hwmon_temp_celsius", None),
        ("mystery", None),
        ("x_bytes + y_seconds", None),
        ("x_seconds * 1000", Some("milliseconds")),
        ("x_bytes / 1024", None),
        ("topk(3, rate(x_bytes_total[5m]))", Some("bytes/sec")),
        ("rate(x_bytes_total[5m]) > 1000", Some("bytes/sec")),
        ("x_bytes > bool 5", Some("decimal")),
        (
            "max_over_time(rate(x_bytes_total[5m])[1h:1m])",
            Some("bytes/sec"),
        ),
        ("quantile_over_time(0.9, x_seconds[5m])", Some("seconds")),
        ("avg_over_time(node_load1[5m])", Some("decimal")),
    ] {
        assert_eq!(
            measure(&parse(query).unwrap(), &facts).unit.as_deref(),
            unit,
            "{query}"
        );
    }
}

#[test]
fn types_are_those_of_the_metric_that_is_read() {
    for (query, expected) in [
        ("rate(a_total[1m])", Some(MetricType::Counter)),
        (
            "rate(a_total[1m]) / rate(b_total[1m])",
            Some(MetricType::Counter),
        ),
        (
            "histogram_quantile(0.9, rate(a_bucket[1m]))",
            Some(MetricType::Histogram),
        ),
        ("rate(a_total[1m]) / node_memory_x_bytes", None),
        ("queue_depth", Some(MetricType::Gauge)),
        ("mystery", None),
        ("1", None),
    ] {
        assert_eq!(
            measure(&parse(query).unwrap(), &facts).metric_type,
            expected,
            "{query}"
        );
    }
}

#[test]
fn metadata_beats_the_name() {
    let facts = |_: &str| MetricFacts {
        metric_type: Some(MetricType::Gauge),
        unit: Some("seconds".into()),
    };
    let measured = measure(&parse("odd_name").unwrap(), &facts);
    assert_eq!(
        (measured.metric_type, measured.unit.as_deref()),
        (Some(MetricType::Gauge), Some("seconds"))
    );
}

#[test]
fn a_unit_that_perses_does_not_have_is_not_called_a_count() {
    let facts = |_: &str| MetricFacts {
        metric_type: Some(MetricType::Counter),
        unit: Some("euros".into()),
    };
    assert_eq!(
        measure(&parse("rate(revenue_euros_total[5m])").unwrap(), &facts).unit,
        None
    );
}

#[test]
fn the_tree_answers_the_panel_questions() {
    let tree =
        parse("topk(5, sum by (mode, cpu) (rate(a_total[1m]) / rate(b_total[1m])))").unwrap();
    assert_eq!(tree.outermost(), Some("topk"));
    assert_eq!(tree.metrics(), ["a_total", "b_total"]);
    assert_eq!(tree.by_labels(), ["mode", "cpu"]);
    assert!(tree.is_rated("a_total"));
    assert!(
        !parse("a_total / rate(b_total[1m])")
            .unwrap()
            .is_rated("a_total")
    );
    assert_eq!(parse("sum(a_total) by (x)").unwrap().by_labels(), ["x"]);
    assert_eq!(
        parse("histogram_quantile(0.9, sum by (le, job) (rate(a_bucket[1m])))")
            .unwrap()
            .by_labels(),
        ["le", "job"]
    );
}
