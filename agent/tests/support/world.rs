//! A small in-memory Prometheus: it knows names, types and label sets, and answers queries with series that are made
//! from the query's own grouping. Its JSON has Prometheus' shape.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::future::BoxFuture;
use persai_agent::ports::{
    CallLimits, DataError, DatasourceInfo, Datasources, PromAnswer, PromCall, PromEndpoint,
};
use persai_protocol::evidence::DatasourceSelector;
use serde_json::{Value, json};

use super::yield_once;

pub struct Metric {
    pub name: &'static str,
    pub kind: &'static str,
    pub help: &'static str,
    pub series: Vec<Vec<(&'static str, String)>>,
}

pub struct World {
    pub metrics: Vec<Metric>,
    pub scrape_interval_secs: u64,
    pub allowed: Vec<PromEndpoint>,
    pub calls: Mutex<Vec<PromCall>>,
    /// Answers some queries by itself: body or error.
    pub special: Vec<(&'static str, Result<String, DataError>)>,
    /// How often a call yields before it answers, by a part of its query.
    pub slow: Vec<(&'static str, usize)>,
    pub describe_error: Option<DataError>,
}

fn sets(labels: &[(&'static str, &[&str])]) -> Vec<Vec<(&'static str, String)>> {
    labels.iter().fold(vec![vec![]], |sets, (label, values)| {
        sets.iter()
            .flat_map(|set| {
                values.iter().map(move |value| {
                    let mut set = set.clone();
                    set.push((*label, (*value).to_owned()));
                    set
                })
            })
            .collect()
    })
}

impl World {
    pub fn usual() -> Self {
        let node: (&'static str, &[&str]) = ("instance", &["localhost:9100"]);
        let web: (&'static str, &[&str]) = ("instance", &["web-1:8080", "web-2:8080"]);
        let metric = |name, kind, help, labels: &[(&'static str, &[&str])]| Metric {
            name,
            kind,
            help,
            series: sets(labels),
        };
        let handlers: (&'static str, &[&str]) = ("handler", &["/cart", "/checkout", "/search"]);
        let duration = |name| {
            metric(
                name,
                "histogram",
                "Time that requests took.",
                &[web, handlers, ("le", &["0.1", "1", "+Inf"])],
            )
        };
        Self {
            metrics: vec![
                metric(
                    "node_cpu_seconds_total",
                    "counter",
                    "Seconds the CPUs spent in each mode.",
                    &[
                        node,
                        ("cpu", &["0", "1"]),
                        ("mode", &["idle", "iowait", "system", "user"]),
                    ],
                ),
                metric(
                    "node_memory_MemAvailable_bytes",
                    "gauge",
                    "Memory that can be had.",
                    &[node],
                ),
                metric(
                    "node_memory_MemTotal_bytes",
                    "gauge",
                    "All memory.",
                    &[node],
                ),
                metric(
                    "node_filesystem_avail_bytes",
                    "gauge",
                    "Free space.",
                    &[node, ("mountpoint", &["/", "/var"])],
                ),
                metric(
                    "node_filesystem_size_bytes",
                    "gauge",
                    "Size.",
                    &[node, ("mountpoint", &["/", "/var"])],
                ),
                metric(
                    "node_network_receive_bytes_total",
                    "counter",
                    "Bytes in.",
                    &[node, ("device", &["eth0", "lo"])],
                ),
                metric(
                    "node_network_transmit_bytes_total",
                    "counter",
                    "Bytes out.",
                    &[node, ("device", &["eth0", "lo"])],
                ),
                metric(
                    "node_filesystem_device_error",
                    "gauge",
                    "Whether reading failed.",
                    &[node],
                ),
                metric("node_time_seconds", "gauge", "System time.", &[node]),
                metric(
                    "go_gc_duration_seconds",
                    "summary",
                    "GC pauses.",
                    &[node, ("quantile", &["0", "1"])],
                ),
                metric("node_load1", "gauge", "1 m load average.", &[node]),
                metric("node_boot_time_seconds", "gauge", "Time of boot.", &[node]),
                metric(
                    "shop_http_requests_total",
                    "counter",
                    "HTTP requests.",
                    &[web, handlers, ("code", &["200", "500"])],
                ),
                duration("shop_http_request_duration_seconds_bucket"),
                metric(
                    "shop_http_request_duration_seconds_sum",
                    "histogram",
                    "",
                    &[web, handlers],
                ),
                metric(
                    "shop_http_request_duration_seconds_count",
                    "histogram",
                    "",
                    &[web, handlers],
                ),
                metric(
                    "shop_queue_depth",
                    "gauge",
                    "Orders that wait in the queue.",
                    &[("queue", &["mail", "orders"])],
                ),
                metric(
                    "rpc_duration_seconds",
                    "summary",
                    "RPC time.",
                    &[("quantile", &["0.5", "0.9"])],
                ),
                metric(
                    "up",
                    "gauge",
                    "",
                    &[("job", &["node", "shop"]), ("instance", &["a", "b"])],
                ),
            ],
            scrape_interval_secs: 15,
            allowed: vec![
                PromEndpoint::Query,
                PromEndpoint::QueryRange,
                PromEndpoint::Labels,
                PromEndpoint::LabelValues,
                PromEndpoint::Series,
                PromEndpoint::Metadata,
            ],
            calls: Mutex::default(),
            special: Vec::new(),
            slow: Vec::new(),
            describe_error: None,
        }
    }

    fn answer(&self, call: &PromCall) -> Result<String, DataError> {
        let data = |data: Value| json!({"status": "success", "data": data}).to_string();
        let named = |matches: &[String]| {
            self.metrics
                .iter()
                .filter(|m| {
                    matches.is_empty()
                        || matches
                            .iter()
                            .any(|x| x.contains(&format!("\"{}\"", m.name)))
                })
                .collect::<Vec<_>>()
        };
        Ok(match call {
            PromCall::LabelValues { label, matches, .. } if label == "__name__" => data(json!(
                named(matches).iter().map(|m| m.name).collect::<Vec<_>>()
            )),
            PromCall::LabelValues { label, matches, .. } => {
                let found = named(matches);
                let mut values: Vec<&String> = found
                    .iter()
                    .flat_map(|m| m.series.iter().flatten())
                    .filter(|(name, _)| name == label)
                    .map(|(_, v)| v)
                    .collect();
                values.sort();
                values.dedup();
                data(json!(values))
            }
            PromCall::Labels { matches, .. } => {
                let found = named(matches);
                let mut names: Vec<&str> = found
                    .iter()
                    .flat_map(|m| m.series.iter().flatten())
                    .map(|(name, _)| *name)
                    .collect();
                names.sort_unstable();
                names.dedup();
                data(json!(names))
            }
            PromCall::Series { matches, .. } => {
                let sets: Vec<Value> = named(matches)
                    .iter()
                    .flat_map(|m| {
                        m.series.iter().map(|set| {
                            let mut labels: BTreeMap<&str, &str> =
                                set.iter().map(|(k, v)| (*k, v.as_str())).collect();
                            labels.insert("__name__", m.name);
                            json!(labels)
                        })
                    })
                    .collect();
                data(json!(sets))
            }
            PromCall::Metadata { metric, .. } => {
                let base = |name: &'static str| {
                    ["_bucket", "_sum", "_count"]
                        .iter()
                        .find_map(|s| name.strip_suffix(s))
                        .unwrap_or(name)
                };
                let all: BTreeMap<&str, Value> = self
                    .metrics
                    .iter()
                    .rev()
                    .map(|m| {
                        (
                            if m.kind == "histogram" {
                                base(m.name)
                            } else {
                                m.name
                            },
                            m,
                        )
                    })
                    .filter(|(name, _)| metric.as_ref().is_none_or(|wanted| wanted == name))
                    .map(|(name, m)| (name, json!([{"type": m.kind, "help": m.help, "unit": ""}])))
                    .collect();
                data(json!(all))
            }
            PromCall::Query { query, time_secs } => {
                let result: Vec<Value> = self
                    .groups(query)?
                    .into_iter()
                    .enumerate()
                    .map(|(n, labels)| json!({"metric": labels, "value": [time_secs, value(query, n, 0, self)]}))
                    .collect();
                data(json!({"resultType": "vector", "result": result}))
            }
            PromCall::QueryRange {
                query,
                start_secs,
                end_secs,
                step_secs,
            } => {
                let points = ((end_secs - start_secs) / step_secs) as usize + 1;
                let result: Vec<Value> = self
                    .groups(query)?
                    .into_iter()
                    .enumerate()
                    .map(|(n, labels)| {
                        let values: Vec<Value> = (0..points)
                            .map(|at| {
                                json!([
                                    start_secs + at as f64 * step_secs,
                                    value(query, n, at, self)
                                ])
                            })
                            .collect();
                        json!({"metric": labels, "values": values})
                    })
                    .collect();
                data(json!({"resultType": "matrix", "result": result}))
            }
        })
    }

    /// The label sets of a query's result.
    fn groups(&self, query: &str) -> Result<Vec<BTreeMap<String, String>>, DataError> {
        let Ok(tree) = persai_guard::parse(query) else {
            return Err(DataError::Upstream {
                status: 400,
                error_type: "bad_data".into(),
                message: format!("invalid parameter \"query\": 1:5: parse error near {query:?}"),
            });
        };
        if query.starts_with("count(") {
            return Ok(vec![BTreeMap::new()]);
        }
        if query.starts_with("count by (__name__)") {
            let name = |m: &Metric| BTreeMap::from([("__name__".to_owned(), m.name.to_owned())]);
            return Ok(self.metrics.iter().map(name).collect());
        }
        if query == "up == 0" {
            return Ok(vec![]);
        }
        let by: Vec<String> = tree
            .by_labels()
            .iter()
            .filter(|label| *label != "le")
            .cloned()
            .collect();
        let metrics = tree.metrics();
        let grouped = query.contains("sum") || query.contains("avg") || query.contains("max by");
        let mut found: Vec<BTreeMap<String, String>> = Vec::new();
        for metric in self
            .metrics
            .iter()
            .filter(|m| metrics.first() == Some(&m.name))
        {
            for set in &metric.series {
                let set = set
                    .iter()
                    .filter(|(label, _)| !grouped || by.iter().any(|b| b == label))
                    .map(|(label, v)| ((*label).to_owned(), v.clone()))
                    .collect();
                if !found.contains(&set) {
                    found.push(set);
                }
            }
        }
        Ok(found)
    }
}

/// Made of where it stands, so that each figure can be foretold: series n is around n + 1, with a bump at point 3.
fn value(query: &str, series: usize, at: usize, world: &World) -> String {
    if query.starts_with("count(") {
        let metric = world
            .metrics
            .iter()
            .find(|m| query.contains(&format!("\"{}\"", m.name)));
        return metric.map_or(0, |m| m.series.len()).to_string();
    }
    let bump = if at == 3 { 0.5 } else { 0.0 };
    format!("{}", series as f64 + 1.0 + bump + at as f64 / 1000.0)
}

impl Datasources for World {
    fn describe<'a>(
        &'a self,
        _: &'a DatasourceSelector,
    ) -> BoxFuture<'a, Result<DatasourceInfo, DataError>> {
        Box::pin(async move {
            match &self.describe_error {
                Some(error) => Err(error.clone()),
                None => Ok(DatasourceInfo {
                    scrape_interval_secs: self.scrape_interval_secs,
                    allowed: self.allowed.clone(),
                }),
            }
        })
    }

    fn prometheus<'a>(
        &'a self,
        _: &'a DatasourceSelector,
        call: PromCall,
        limits: CallLimits,
    ) -> BoxFuture<'a, Result<PromAnswer, DataError>> {
        Box::pin(async move {
            self.calls.lock().unwrap().push(call.clone());
            let query = match &call {
                PromCall::Query { query, .. } | PromCall::QueryRange { query, .. } => {
                    query.as_str()
                }
                _ => "",
            };
            let yields = self
                .slow
                .iter()
                .find(|(part, _)| query.contains(part))
                .map_or(1, |(_, n)| *n);
            for _ in 0..yields {
                yield_once().await;
            }
            let body = match self.special.iter().find(|(part, _)| query.contains(part)) {
                Some((_, answer)) => answer.clone()?,
                None => self.answer(&call)?,
            };
            if body.len() > limits.max_bytes {
                return Err(DataError::TooLarge {
                    limit_bytes: limits.max_bytes,
                });
            }
            Ok(PromAnswer {
                body: body.into_bytes(),
                duration_ms: 7,
            })
        })
    }
}
