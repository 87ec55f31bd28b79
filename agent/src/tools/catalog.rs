//! The metrics of one datasource: names grouped into families, with what the metadata says, and the search over them.

use std::collections::{HashMap, HashSet};

use persai_protocol::evidence::{DatasourceSelector, MetricType};

use super::ranking::{STOP_WORDS, score, tokens};
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

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
