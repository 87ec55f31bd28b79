//! The metrics of one datasource: names grouped into families, with what the metadata says, and the search over them.

use std::collections::{HashMap, HashSet};

use persai_protocol::evidence::{DatasourceSelector, MetricType};

use super::turn::Turn;
use super::{Failure, malformed};
use crate::ports::{PromCall, PromEndpoint};
use crate::prom::{self, Metadata};

/// Longest list of names that is kept.
const MAX_NAMES: usize = 200_000;
const PARTS: [&str; 4] = ["_bucket", "_sum", "_count", "_created"];

#[derive(Debug, Default)]
pub struct Catalog {
    names: HashSet<String>,
    families: Vec<Family>,
    metadata: HashMap<String, Metadata>,
    /// What the reader must know of how complete this is.
    pub note: Option<String>,
}

/// A metric, or a histogram or summary with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    pub metric_type: Option<MetricType>,
    pub help: String,
    pub unit: String,
    /// Names of the series where they are not the family's own, e.g. `x_bucket`, `x_sum`, `x_count`.
    pub parts: Vec<String>,
}

/// A search hit, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit<'a> {
    pub family: &'a Family,
    pub score: f64,
}

impl Catalog {
    /// Asks for names and metadata by the first way that is allowed.
    pub(super) async fn load(turn: &Turn, selector: &DatasourceSelector) -> Result<Self, Failure> {
        let (start_secs, end_secs) = turn.window_secs();
        let metadata = if turn.allows(selector, PromEndpoint::Metadata).await {
            match turn
                .call(
                    selector,
                    PromCall::Metadata {
                        metric: None,
                        limit: None,
                    },
                )
                .await
            {
                Ok(answer) => prom::metadata(&answer.body).unwrap_or_default(),
                Err(_) => HashMap::new(),
            }
        } else {
            HashMap::new()
        };
        let mut note = metadata
            .is_empty()
            .then(|| "This datasource gives no types or descriptions.".to_owned());
        let mut names: Vec<String>;
        if turn.allows(selector, PromEndpoint::LabelValues).await {
            let call = PromCall::LabelValues {
                label: "__name__".to_owned(),
                matches: Vec::new(),
                start_secs,
                end_secs,
                limit: None,
            };
            let answer = turn.call(selector, call).await?;
            names = prom::names(&answer.body).map_err(|detail| malformed(selector, detail))?;
        } else if !metadata.is_empty() {
            names = metadata.keys().cloned().collect();
            note = Some(
                "Label values may not be read here, so these are the names that the metadata has."
                    .to_owned(),
            );
        } else {
            let query = "count by (__name__) ({__name__!=\"\"})".to_owned();
            let answer = turn
                .call(
                    selector,
                    PromCall::Query {
                        query,
                        time_secs: end_secs.floor(),
                    },
                )
                .await?;
            let result =
                prom::query_result(&answer.body).map_err(|detail| malformed(selector, detail))?;
            names = result
                .series
                .iter()
                .filter_map(|s| s.labels.get("__name__"))
                .map(|n| n.to_string())
                .collect();
            note = Some("Neither label values nor metadata may be read here; the names were counted by a query.".to_owned());
        }
        names.sort_unstable();
        if names.len() > MAX_NAMES {
            note = Some(format!(
                "Only the first {MAX_NAMES} of {} names are searched.",
                names.len()
            ));
            names.truncate(MAX_NAMES);
        }
        Ok(Self::new(&names, metadata, note))
    }

    #[must_use]
    pub fn new(
        names: &[String],
        metadata: HashMap<String, Metadata>,
        note: Option<String>,
    ) -> Self {
        let set: HashSet<String> = names.iter().cloned().collect();
        let mut catalog = Self {
            names: set,
            families: Vec::new(),
            metadata,
            note,
        };
        let mut by_name: HashMap<String, usize> = HashMap::new();
        for name in names {
            let family = catalog.family_name(name);
            let at = *by_name.entry(family.to_owned()).or_insert_with(|| {
                let known = catalog.metadata_of(name).cloned().unwrap_or_default();
                let metric_type = known
                    .metric_type
                    .or_else(|| persai_guard::unit::type_by_name(name));
                catalog.families.push(Family {
                    name: family.to_owned(),
                    metric_type,
                    help: known.help,
                    unit: known.unit,
                    parts: Vec::new(),
                });
                catalog.families.len() - 1
            });
            if family != name
                && let Some(family) = catalog.families.get_mut(at)
            {
                family.parts.push(name.clone());
            }
        }
        catalog
    }

    /// The histogram or summary that `name` is a part of, else `name` itself.
    fn family_name<'a>(&self, name: &'a str) -> &'a str {
        PARTS
            .iter()
            .filter_map(|part| name.strip_suffix(part))
            .find(|base| {
                self.names.contains(&format!("{base}_bucket"))
                    || self.metadata.get(*base).is_some_and(|known| {
                        matches!(
                            known.metric_type,
                            Some(MetricType::Histogram | MetricType::Summary)
                        )
                    })
            })
            .unwrap_or(name)
    }

    /// Metadata of a series' name: under the name itself, or under its family's (`x` for `x_total`, `x_bucket`).
    #[must_use]
    pub fn metadata_of(&self, name: &str) -> Option<&Metadata> {
        family_candidates(name)
            .into_iter()
            .find_map(|candidate| self.metadata.get(candidate))
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The family of this very name, or the one that it is a part of.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&Family> {
        let name = self.family_name(name);
        self.families.iter().find(|family| family.name == name)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.families.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// Families that fit the words, best first; each word may fit by its beginning, a synonym, the description or with
    /// one typing mistake.
    #[must_use]
    pub fn search(&self, words: &str) -> Vec<Hit<'_>> {
        let wanted: Vec<String> = tokens(words)
            .into_iter()
            .filter(|token| !STOP_WORDS.contains(&token.as_str()))
            .collect();
        let mut hits: Vec<Hit<'_>> = self
            .families
            .iter()
            .filter_map(|family| {
                let score = score(family, &wanted, words.trim());
                (score > 0.0).then_some(Hit { family, score })
            })
            .collect();
        hits.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.family.name.cmp(&b.family.name))
        });
        hits
    }
}

/// The names under which metadata of a series may stand.
#[must_use]
pub fn family_candidates(name: &str) -> Vec<&str> {
    let mut candidates = vec![name];
    candidates.extend(
        ["_total"]
            .iter()
            .chain(&PARTS)
            .filter_map(|part| name.strip_suffix(part)),
    );
    candidates
}

const STOP_WORDS: [&str; 24] = [
    "the", "a", "an", "of", "is", "are", "in", "on", "per", "by", "for", "and", "my", "me", "show",
    "what", "how", "metric", "metrics", "all", "over", "to", "with", "from",
];

/// Words of a kind: one word of a row asked for finds the others too.
const SYNONYMS: [&[&str]; 15] = [
    &["cpu", "processor", "cores"],
    &["memory", "mem", "ram"],
    &["disk", "filesystem", "storage", "volume"],
    &["network", "net", "nic", "traffic", "bandwidth"],
    &["latency", "duration", "seconds", "slow", "response"],
    &[
        "error",
        "errors",
        "failed",
        "failures",
        "fail",
        "exceptions",
    ],
    &[
        "request",
        "requests",
        "http",
        "calls",
        "traffic",
        "rps",
        "throughput",
    ],
    &["queue", "backlog", "pending", "depth"],
    &["restart", "restarts", "start", "boot", "uptime"],
    &["temperature", "temp", "celsius", "hwmon"],
    &["load", "load1", "load5", "load15"],
    &["connection", "connections", "conns", "sockets"],
    &["free", "available", "avail"],
    &["receive", "received", "rx", "incoming"],
    &["transmit", "transmitted", "sent", "tx", "outgoing"],
];

fn score(family: &Family, wanted: &[String], words: &str) -> f64 {
    if family.name == words || family.parts.iter().any(|part| part == words) {
        return 1_000.0;
    }
    let name_tokens = tokens(&family.name);
    let help = family.help.to_lowercase();
    let mut total = 0.0;
    let mut fitting = 0;
    for word in wanted {
        let best = name_tokens
            .iter()
            .map(|token| fit(word, token))
            .fold(0.0, f64::max);
        let best = if best == 0.0 && word.len() > 2 && help.contains(word.as_str()) {
            1.0
        } else {
            best
        };
        if best > 0.0 {
            fitting += 1;
            total += best;
        }
    }
    if fitting == 0 {
        return 0.0;
    }
    // All words fit is worth more than one word that fits well; short names are usually the ones that are meant.
    let share = f64::from(fitting) / wanted.len() as f64;
    let plumbing = ["scrape_", "go_memstats", "promhttp_", "prometheus_"]
        .iter()
        .any(|p| family.name.starts_with(p));
    total * share * share - 0.05 * name_tokens.len() as f64 - if plumbing { 0.8 } else { 0.0 }
}

fn fit(word: &str, token: &str) -> f64 {
    if word == token {
        return 4.0;
    }
    if stem(word) == stem(token) {
        return 3.8;
    }
    if token.starts_with(word) && word.len() >= 3 {
        return 3.0;
    }
    if SYNONYMS
        .iter()
        .any(|row| row.contains(&word) && row.contains(&token))
    {
        return 2.2;
    }
    if word.len() >= 4 && token.len() >= 4 && one_mistake(word, token) {
        return 2.0;
    }
    if word.len() >= 4 && token.contains(word) {
        return 1.5;
    }
    0.0
}

fn stem(word: &str) -> &str {
    word.strip_suffix('s')
        .filter(|stem| stem.len() > 2)
        .unwrap_or(word)
}

/// Whether one letter too many, too few, wrong, or two swapped make the words equal.
fn one_mistake(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = |from_a: usize, from_b: usize| a.get(from_a..) == b.get(from_b..);
    match a.len().abs_diff(b.len()) {
        0 => {
            let swapped = a.get(head) == b.get(head + 1)
                && a.get(head + 1) == b.get(head)
                && tail(head + 2, head + 2);
            tail(head + 1, head + 1) || (head + 1 < a.len() && swapped)
        }
        1 if a.len() > b.len() => tail(head + 1, head),
        1 => tail(head, head + 1),
        _ => false,
    }
}

/// Lower-case words of a name or a question: split at signs, digits kept, and at capital letters within.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_lower) {
            found.push(std::mem::take(&mut token));
        }
        after_lower = c.is_lowercase();
        if c.is_alphanumeric() {
            token.extend(c.to_lowercase());
        }
    }
    found.push(token);
    found.retain(|token| !token.is_empty());
    found
}

#[cfg(test)]
mod tests {
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
}
