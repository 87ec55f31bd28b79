//! What the tools of one turn share: who asks for which window, the ports, and what was already learned.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::lock::Mutex;
use persai_guard::MetricFacts;
use persai_protocol::custom::TimeRange;
use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::DatasourceSelector;
use serde_json::{Map, Value};

use super::catalog::{Catalog, family_candidates};
use super::{Failure, arguments, failure};
use crate::budgets::Budgets;
use crate::ports::{CallLimits, DatasourceInfo, Ports, PromAnswer, PromCall, PromEndpoint};
use crate::prom::{self, Metadata};

/// Metrics of one query whose type is looked up.
const MAX_FACTS: usize = 4;

pub struct Turn {
    pub datasources: Vec<DatasourceSelector>,
    pub time_range: TimeRange,
    pub utc_offset_minutes: i32,
    pub suggested_step_ms: Option<i64>,
    pub variables: BTreeMap<String, Vec<String>>,
    pub guard: persai_guard::Policy,
    pub budgets: Budgets,
    /// The same for the whole turn, so that "the last 30 minutes" is one window in all its queries.
    pub now_ms: i64,
    pub ports: Ports,
    pub samples: AtomicU64,
    pub bytes: AtomicU64,
    infos: Mutex<HashMap<DatasourceSelector, DatasourceInfo>>,
    catalogs: Mutex<HashMap<DatasourceSelector, Arc<Catalog>>>,
    facts: Mutex<HashMap<(DatasourceSelector, String), MetricFacts>>,
    /// Series of a metric, where a call has counted them.
    series: std::sync::Mutex<HashMap<(DatasourceSelector, String), u64>>,
}

impl Turn {
    #[must_use]
    pub fn new(run: &crate::run::Run, ports: Ports) -> Self {
        Self {
            datasources: run.datasources.clone(),
            time_range: run.time_range,
            utc_offset_minutes: run.utc_offset_minutes,
            suggested_step_ms: run.suggested_step_ms,
            variables: run.variables.clone(),
            guard: run.guard.clone(),
            budgets: run.budgets.clone(),
            now_ms: ports.clock.now_ms(),
            ports,
            samples: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            infos: Mutex::default(),
            catalogs: Mutex::default(),
            facts: Mutex::default(),
            series: std::sync::Mutex::default(),
        }
    }

    /// The datasource that a call names, else the first of the turn.
    pub fn selector(&self, arguments: &Map<String, Value>) -> Result<&DatasourceSelector, Failure> {
        match arguments::text(arguments, "datasource") {
            None => self.datasources.first(),
            Some(name) => self
                .datasources
                .iter()
                .find(|selector| selector.name == name),
        }
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::DatasourceUnknown,
                "There is no Prometheus datasource to ask.",
                "Add one in Perses, or choose one above the question.",
            )
        })
    }

    pub async fn info(&self, selector: &DatasourceSelector) -> Result<DatasourceInfo, Failure> {
        let mut infos = self.infos.lock().await;
        if let Some(info) = infos.get(selector) {
            return Ok(info.clone());
        }
        let info = self
            .ports
            .datasources
            .describe(selector)
            .await
            .map_err(|error| failure(error, selector))?;
        infos.insert(selector.clone(), info.clone());
        Ok(info)
    }

    pub async fn allows(&self, selector: &DatasourceSelector, endpoint: PromEndpoint) -> bool {
        self.info(selector)
            .await
            .is_ok_and(|info| info.allowed.contains(&endpoint))
    }

    /// One call, within the turn's limits; its bytes are counted.
    pub async fn call(
        &self,
        selector: &DatasourceSelector,
        call: PromCall,
    ) -> Result<PromAnswer, Failure> {
        // A budget may be overdrawn by one call, which has its own cap.
        let is_spent = self.bytes.load(Ordering::Relaxed) >= self.budgets.bytes
            || self.samples.load(Ordering::Relaxed) >= self.budgets.samples;
        if is_spent {
            return Err(Failure::new(
                ErrorCode::BudgetSpent,
                "This turn has read as much data as it may.",
                "Answer with what was found until now.",
            ));
        }
        let limits = CallLimits {
            max_bytes: self.budgets.call_max_bytes,
            timeout_ms: self.budgets.call_timeout_ms,
        };
        let answer = self
            .ports
            .datasources
            .prometheus(selector, call, limits)
            .await
            .map_err(|error| failure(error, selector))?;
        self.bytes
            .fetch_add(answer.body.len() as u64, Ordering::Relaxed);
        Ok(answer)
    }

    /// Names and metadata of a datasource's metrics, asked for once a turn.
    pub async fn catalog(&self, selector: &DatasourceSelector) -> Result<Arc<Catalog>, Failure> {
        let mut catalogs = self.catalogs.lock().await;
        if let Some(catalog) = catalogs.get(selector) {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Arc::new(Catalog::load(self, selector).await?);
        catalogs.insert(selector.clone(), Arc::clone(&catalog));
        Ok(catalog)
    }

    /// Type and unit of metrics: from the catalog where a call has loaded it, else asked for one by one, each once.
    pub async fn metric_facts(
        &self,
        selector: &DatasourceSelector,
        metrics: &[&str],
    ) -> HashMap<String, MetricFacts> {
        let catalog = self.catalogs.lock().await.get(selector).cloned();
        let mut found = HashMap::new();
        let mut facts = self.facts.lock().await;
        for metric in metrics.iter().take(MAX_FACTS) {
            let key = (selector.clone(), (*metric).to_owned());
            let of_metric = match (&catalog, facts.get(&key)) {
                (Some(catalog), _) => catalog
                    .metadata_of(metric)
                    .map(facts_of)
                    .unwrap_or_default(),
                (None, Some(known)) => known.clone(),
                (None, None) => {
                    let asked = self.ask_facts(selector, metric).await;
                    facts.insert(key, asked.clone());
                    asked
                }
            };
            found.insert((*metric).to_owned(), of_metric);
        }
        found
    }

    async fn ask_facts(&self, selector: &DatasourceSelector, metric: &str) -> MetricFacts {
        if !self.allows(selector, PromEndpoint::Metadata).await {
            return MetricFacts::default();
        }
        for candidate in family_candidates(metric) {
            let call = PromCall::Metadata {
                metric: Some(candidate.to_owned()),
                limit: Some(1),
            };
            // A missing type costs a unit, never the answer.
            let Ok(answer) = self.call(selector, call).await else {
                break;
            };
            if let Some(known) = prom::metadata(&answer.body)
                .ok()
                .and_then(|all| all.into_values().next())
            {
                return facts_of(&known);
            }
        }
        MetricFacts::default()
    }

    pub fn note_series(&self, selector: &DatasourceSelector, metric: &str, count: u64) {
        let mut series = self
            .series
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        series.insert((selector.clone(), metric.to_owned()), count);
    }

    #[must_use]
    pub fn known_series(&self, selector: &DatasourceSelector, metric: &str) -> Option<u64> {
        let series = self
            .series
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        series.get(&(selector.clone(), metric.to_owned())).copied()
    }

    /// Start and end of the turn's window in seconds, for calls that only look things up.
    #[must_use]
    pub fn window_secs(&self) -> (f64, f64) {
        (
            self.time_range.start_ms as f64 / 1000.0,
            self.time_range.end_ms as f64 / 1000.0,
        )
    }
}

fn facts_of(metadata: &Metadata) -> MetricFacts {
    MetricFacts {
        metric_type: metadata.metric_type,
        unit: (!metadata.unit.is_empty()).then(|| metadata.unit.clone()),
    }
}
