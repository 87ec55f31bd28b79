//! Tests of [`super`].

use super::*;

fn catalog() -> Catalog {
    let names: Vec<String> = [
        "go_goroutines",
        "http_request_duration_seconds_bucket",
        "http_request_duration_seconds_count",
        "http_request_duration_seconds_sum",
        "http_requests_total",
        "node_cpu_seconds_total",
        "node_filesystem_avail_bytes",
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_network_receive_bytes_total",
        "process_cpu_seconds_total",
        "queue_depth",
        "scrape_duration_seconds",
        "up",
    ]
    .map(str::to_owned)
    .to_vec();
    let metadata = HashMap::from([(
        "queue_depth".to_owned(),
        Metadata {
            metric_type: Some(MetricType::Gauge),
            help: "Orders waiting.".into(),
            unit: String::new(),
        },
    )]);
    Catalog::new(&names, metadata, None)
}

#[test]
fn histograms_are_one_family() {
    let catalog = catalog();
    let family = catalog
        .family("http_request_duration_seconds_sum")
        .expect("a family");
    assert_eq!(family.name, "http_request_duration_seconds");
    assert_eq!(
        (family.metric_type, family.parts.len()),
        (Some(MetricType::Histogram), 3)
    );
}

#[test]
fn the_best_metric_comes_first() {
    let catalog = catalog();
    for (words, first) in [
        ("cpu", "node_cpu_seconds_total"),
        ("node cpu", "node_cpu_seconds_total"),
        ("memory available", "node_memory_MemAvailable_bytes"),
        ("available memry", "node_memory_MemAvailable_bytes"),
        ("request latency", "http_request_duration_seconds"),
        ("requets", "http_requests_total"),
        ("disk free", "node_filesystem_avail_bytes"),
        (
            "network traffic received",
            "node_network_receive_bytes_total",
        ),
        ("orders waiting", "queue_depth"),
        (
            "http_request_duration_seconds_bucket",
            "http_request_duration_seconds",
        ),
        ("load", "node_load1"),
    ] {
        let hits = catalog.search(words);
        assert_eq!(
            hits.first().map(|hit| hit.family.name.as_str()),
            Some(first),
            "{words}"
        );
    }
    assert!(catalog.search("zzzz").is_empty());
    assert!(catalog.search("").is_empty());
}
