//! A metric, its type and what is asked of it, to the query that shows it the right way.

use super::question::Ask;

/// What `describe_metric` told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Described {
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary`, or anything else.
    pub metric_type: String,
    pub parts: Vec<String>,
    pub series: u64,
    /// Label and number of its different values.
    pub labels: Vec<(String, u64)>,
    /// Label and value, as far as examples are known.
    pub values: Vec<(String, String)>,
}

/// A query with its title; instant where a ranking or one moment is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub title: String,
    pub query: String,
    pub instant: bool,
}

/// More series than this are not drawn one by one.
const MAX_LINES: u64 = 20;

/// The query for `ask` on `metric`. `by` are labels that the metric really has.
#[must_use]
pub fn plan(metric: &Described, ask: &Ask, by: &[String]) -> Planned {
    let filters = filters(ask, metric);
    let ranked = ask.top.or(ask.bottom).is_some();
    let (what, body) = match metric.metric_type.as_str() {
        "histogram" => histogram(metric, ask, by, &filters),
        "summary" => {
            let mut keep = vec!["quantile".to_owned()];
            keep.extend_from_slice(by);
            (
                String::new(),
                format!("max by ({}) ({}{filters})", keep.join(", "), metric.name),
            )
        }
        "counter" => counter(metric, ask, by, &filters),
        _ if is_counter_by_name(&metric.name) => counter(metric, ask, by, &filters),
        _ => gauge(metric, ask, by, &filters),
    };
    let mut suffix = filters.replace('"', "");
    if !by.is_empty() {
        suffix = format!("{suffix} by {}", by.join(", "));
    }
    let (rank, query) = match (ask.top, ask.bottom) {
        (Some(n), _) => (format!("Top {n}: "), format!("topk({n}, {body})")),
        (None, Some(n)) => (format!("Lowest {n}: "), format!("bottomk({n}, {body})")),
        (None, None) => (String::new(), body),
    };
    Planned {
        title: format!("{rank}{}{what}{suffix}", metric.name),
        query,
        instant: ranked || ask.when.now || ask.wants_total,
    }
}

fn is_counter_by_name(name: &str) -> bool {
    ["_total", "_count", "_sum"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
}

fn counter(metric: &Described, ask: &Ask, by: &[String], filters: &str) -> (String, String) {
    let name = &metric.name;
    let (what, rated) = if ask.wants_total {
        (
            " in this window",
            format!("increase({name}{filters}[$__range])"),
        )
    } else {
        (
            " per second",
            format!("rate({name}{filters}[$__rate_interval])"),
        )
    };
    (what.to_owned(), aggregated("sum", &rated, metric, ask, by))
}

fn gauge(metric: &Described, ask: &Ask, by: &[String], filters: &str) -> (String, String) {
    // Bytes and counts of things add up; shares, temperatures and ages do not.
    let adds_up = metric.name.ends_with("_bytes")
        || [
            "connections",
            "depth",
            "inflight",
            "in_flight",
            "goroutines",
            "queue",
        ]
        .iter()
        .any(|word| metric.name.contains(word));
    let op = if ask.wants_average || !adds_up {
        "avg"
    } else {
        "sum"
    };
    (
        String::new(),
        aggregated(op, &format!("{}{filters}", metric.name), metric, ask, by),
    )
}

/// The share of failed requests, where the metric tells them apart by a status label.
#[must_use]
pub fn error_share(metric: &Described, ask: &Ask, by: &[String]) -> Option<Planned> {
    let label = ["code", "status", "status_code"]
        .into_iter()
        .find(|label| metric.labels.iter().any(|(l, _)| l == label))?;
    let keep = if by.is_empty() {
        String::new()
    } else {
        format!(" by ({})", by.join(", "))
    };
    let name = &metric.name;
    let others = filters(ask, metric);
    let inside = others.trim_start_matches('{').trim_end_matches('}');
    let comma = if inside.is_empty() { "" } else { ", " };
    let part = |filter: &str| format!("sum{keep} (rate({name}{filter}[$__rate_interval]))");
    let failed = format!("{{{label}=~\"5..\"{comma}{inside}}}");
    let share = format!("{} / {}", part(&failed), part(&others));
    let suffix = if by.is_empty() {
        String::new()
    } else {
        format!(" by {}", by.join(", "))
    };
    let (title, query, instant) = match ask.top {
        Some(n) => (
            format!("Top {n}: errors"),
            format!("topk({n}, {share})"),
            true,
        ),
        None => (
            "Share of requests that failed".to_owned(),
            share,
            ask.when.now,
        ),
    };
    Some(Planned {
        title: title + &suffix,
        query,
        instant,
    })
}

/// Grouped as asked; ungrouped series stay apart as long as they can be told apart in a chart.
fn aggregated(op: &str, body: &str, metric: &Described, ask: &Ask, by: &[String]) -> String {
    if !by.is_empty() {
        format!("{op} by ({}) ({body})", by.join(", "))
    } else if ask.top.or(ask.bottom).is_some() || metric.series <= MAX_LINES {
        body.to_owned()
    } else {
        format!("{op}({body})")
    }
}

fn histogram(metric: &Described, ask: &Ask, by: &[String], filters: &str) -> (String, String) {
    let name = &metric.name;
    let native = metric.parts.is_empty();
    let grouping = |first: &[&str]| {
        let labels: Vec<&str> = first
            .iter()
            .copied()
            .chain(by.iter().map(String::as_str))
            .collect();
        if labels.is_empty() {
            String::new()
        } else {
            format!(" by ({})", labels.join(", "))
        }
    };
    if ask.wants_total || (ask.wants_average && !native) {
        let keep = grouping(&[]);
        let part = |suffix: &str, function: &str, range: &str| {
            format!("sum{keep} ({function}({name}{suffix}{filters}[{range}]))")
        };
        return if ask.wants_total {
            (
                " count in this window".to_owned(),
                part("_count", "increase", "$__range"),
            )
        } else {
            let (sum, count) = (
                part("_sum", "rate", "$__rate_interval"),
                part("_count", "rate", "$__rate_interval"),
            );
            (" on average".to_owned(), format!("{sum} / {count}"))
        };
    }
    let rate = if native {
        format!(
            "sum{} (rate({name}{filters}[$__rate_interval]))",
            grouping(&[])
        )
    } else {
        format!(
            "sum{} (rate({name}_bucket{filters}[$__rate_interval]))",
            grouping(&["le"])
        )
    };
    let one = |quantile: f64| format!("histogram_quantile({quantile}, {rate})");
    match ask.quantile {
        Some(quantile) => (format!(", {}", percent_name(quantile)), one(quantile)),
        // One line per group is enough to read.
        None if !by.is_empty() || ask.top.or(ask.bottom).is_some() => {
            (", p90".to_owned(), one(0.9))
        }
        None => {
            let line = |quantile: f64| {
                format!(
                    "label_replace({}, \"quantile\", \"{}\", \"\", \"\")",
                    one(quantile),
                    percent_name(quantile)
                )
            };
            (
                ", p50, p90 and p99".to_owned(),
                [0.5, 0.9, 0.99].map(line).join(" or "),
            )
        }
    }
}

fn percent_name(quantile: f64) -> String {
    format!("p{}", (quantile * 1000.0).round() / 10.0).replace('.', "")
}

fn filters(ask: &Ask, metric: &Described) -> String {
    let inside: Vec<String> = ask
        .filters
        .iter()
        .filter(|(label, _)| {
            metric.labels.is_empty() || metric.labels.iter().any(|(known, _)| known == label)
        })
        .chain(named_values(ask, metric))
        .map(|(label, value)| format!("{label}={}", serde_json::Value::from(value.as_str())))
        .collect();
    if inside.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", inside.join(", "))
    }
}

/// Words of the question that are the value of a label: "checkout latency" is about service="checkout".
fn named_values<'a>(
    ask: &'a Ask,
    metric: &'a Described,
) -> impl Iterator<Item = &'a (String, String)> {
    let is_own = |word: &str| metric.name.split('_').any(|part| part == word);
    ask.keywords
        .iter()
        .filter(move |word| word.len() > 2 && !is_own(word))
        .filter_map(|word| {
            metric.values.iter().find(|(label, value)| {
                value.to_lowercase().trim_matches('/') == word.trim_matches('/')
                    && !ask.by.contains(label)
            })
        })
        .filter(|(label, _)| !ask.filters.iter().any(|(known, _)| known == label))
}

/// Everyday words and the labels that they may mean.
const LABEL_WORDS: [(&str, &[&str]); 9] = [
    (
        "host node machine server vm instance",
        &["instance", "node", "host", "hostname", "nodename"],
    ),
    ("service app application job", &["job", "service", "app"]),
    (
        "endpoint path route url page handler",
        &["handler", "path", "route", "endpoint", "uri"],
    ),
    (
        "status code statuscode response",
        &["code", "status", "status_code"],
    ),
    ("core cpu processor", &["cpu", "core"]),
    ("disk device drive", &["device", "disk"]),
    ("interface nic", &["device", "interface"]),
    (
        "filesystem mount partition volume mountpoint",
        &["mountpoint", "device"],
    ),
    (
        "region zone datacenter cluster",
        &["region", "zone", "datacenter", "cluster"],
    ),
];

/// Whether a word usually names a label.
#[must_use]
pub fn is_label_word(word: &str) -> bool {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let is_word = |known: &str| known == word || known == singular;
    // "cpu" and "disk" are subjects more often than labels.
    !matches!(singular, "cpu" | "disk" | "response" | "processor")
        && LABEL_WORDS.iter().any(|(words, labels)| {
            words.split(' ').any(is_word) || labels.iter().any(|l| is_word(l))
        })
}

/// The label that is meant by a word: itself, its plural or an everyday name for it.
#[must_use]
pub fn label_for(word: &str, metric: &Described) -> Option<String> {
    let has = |label: &str| metric.labels.iter().any(|(known, _)| known == label);
    let singular = word.strip_suffix('s').unwrap_or(word);
    if let Some(found) = [word, singular].into_iter().find(|label| has(label)) {
        return Some(found.to_owned());
    }
    let everyday = LABEL_WORDS
        .iter()
        .filter(|(words, _)| {
            words
                .split(' ')
                .any(|known| known == word || known == singular)
        })
        .flat_map(|(_, labels)| labels.iter())
        .find(|label| has(label))
        .map(|label| (*label).to_owned());
    // "per payment method" is payment_method, where only one label has the word in it.
    everyday.or_else(|| {
        let mut parts = metric.labels.iter().filter(|(label, _)| {
            label
                .split('_')
                .any(|part| part == word || part == singular)
        });
        parts
            .next()
            .filter(|_| parts.next().is_none())
            .map(|(label, _)| label.clone())
    })
}
