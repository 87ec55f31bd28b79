//! The agent's `Datasources`, read as one user for one run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use persai_agent::ports::{
    CallLimits, DataError, DatasourceInfo, Datasources, PromAnswer, PromCall, PromEndpoint,
};
use persai_protocol::evidence::DatasourceSelector;
use tokio::sync::{Mutex, OnceCell};

use super::calls::{Call, Segment};
use super::client::{API_LIMITS, Limits, PersesClient};
use super::datasource::{Datasource, Document, PROMETHEUS_KIND};
use super::reply::{call_error, perses_message, perses_refusal, read_prometheus};
use crate::identity::Credentials;

/// Holds the asking user's credentials, so it lives no longer than the run.
pub struct PersesDatasources {
    client: PersesClient,
    credentials: Credentials,
    /// What was learnt of a datasource in this run.
    known: Mutex<HashMap<DatasourceSelector, Known>>,
}

/// Parallel calls wait for one and the same reading.
type Known = Arc<OnceCell<Arc<Datasource>>>;

impl PersesDatasources {
    #[must_use]
    pub fn new(client: PersesClient, credentials: Credentials) -> Self {
        Self {
            client,
            credentials,
            known: Mutex::default(),
        }
    }

    /// The default Prometheus datasource of this Perses that the user may read.
    ///
    /// # Errors
    /// As for any other datasource; [`DataError::Unknown`] where there is none.
    pub async fn default_prometheus(&self) -> Result<DatasourceSelector, DataError> {
        let params = [
            ("kind", PROMETHEUS_KIND.to_owned()),
            ("default", "true".to_owned()),
        ];
        let reply = self
            .client
            .send(
                Call::GlobalDatasources,
                &[],
                &params,
                &self.credentials,
                API_LIMITS,
            )
            .await
            .map_err(call_error)?;
        if !reply.status.is_success() {
            return Err(refusal(&reply.body, reply.status));
        }
        let documents: Vec<Document> =
            serde_json::from_slice(&reply.body).map_err(|_| not_perses())?;
        let document = documents
            .into_iter()
            .find(|document| document.spec.default && document.spec.plugin.kind == PROMETHEUS_KIND)
            .ok_or(DataError::Unknown)?;
        let selector = DatasourceSelector {
            kind: PROMETHEUS_KIND.to_owned(),
            name: document.metadata.name.clone(),
            project: None,
        };
        // The list says all of it, so the run need not read it again. What cannot be used is told when it is asked.
        if let Ok(datasource) = Datasource::read(document) {
            let known = Arc::new(OnceCell::new_with(Some(Arc::new(datasource))));
            self.known.lock().await.insert(selector.clone(), known);
        }
        Ok(selector)
    }

    async fn datasource(
        &self,
        selector: &DatasourceSelector,
    ) -> Result<Arc<Datasource>, DataError> {
        let known = Arc::clone(self.known.lock().await.entry(selector.clone()).or_default());
        known.get_or_try_init(|| self.read(selector)).await.cloned()
    }

    async fn read(&self, selector: &DatasourceSelector) -> Result<Arc<Datasource>, DataError> {
        if selector.kind != PROMETHEUS_KIND {
            return Err(DataError::Unknown);
        }
        let call = if selector.project.is_some() {
            Call::ProjectDatasource
        } else {
            Call::GlobalDatasource
        };
        let reply = self
            .client
            .send(
                call,
                &segments(selector),
                &[],
                &self.credentials,
                API_LIMITS,
            )
            .await
            .map_err(call_error)?;
        if !reply.status.is_success() {
            return Err(refusal(&reply.body, reply.status));
        }
        let document = serde_json::from_slice(&reply.body).map_err(|_| not_perses())?;
        Datasource::read(document).map(Arc::new)
    }

    async fn ask(
        &self,
        selector: &DatasourceSelector,
        prom_call: PromCall,
        limits: CallLimits,
    ) -> Result<PromAnswer, DataError> {
        let datasource = self.datasource(selector).await?;
        let Asked {
            endpoint,
            label,
            params,
        } = asked(prom_call);
        let method = datasource
            .method_for(endpoint, &label)
            .ok_or(DataError::EndpointNotAllowed { endpoint })?;
        let call = if selector.project.is_some() {
            Call::ProjectPrometheus(method, endpoint)
        } else {
            Call::GlobalPrometheus(method, endpoint)
        };
        let mut segments = segments(selector);
        if endpoint == PromEndpoint::LabelValues {
            segments.push(Segment {
                name: "label",
                value: &label,
            });
        }
        let limits = Limits {
            max_bytes: limits.max_bytes,
            timeout: Duration::from_millis(limits.timeout_ms),
        };
        let reply = self
            .client
            .send(call, &segments, &params, &self.credentials, limits)
            .await
            .map_err(call_error)?;
        read_prometheus(&reply, endpoint)?;
        Ok(PromAnswer {
            body: reply.body,
            duration_ms: reply.duration_ms,
        })
    }
}

impl Datasources for PersesDatasources {
    fn describe<'a>(
        &'a self,
        selector: &'a DatasourceSelector,
    ) -> BoxFuture<'a, Result<DatasourceInfo, DataError>> {
        async move {
            self.datasource(selector)
                .await
                .map(|datasource| datasource.info())
        }
        .boxed()
    }

    fn prometheus<'a>(
        &'a self,
        selector: &'a DatasourceSelector,
        call: PromCall,
        limits: CallLimits,
    ) -> BoxFuture<'a, Result<PromAnswer, DataError>> {
        self.ask(selector, call, limits).boxed()
    }
}

fn segments(selector: &DatasourceSelector) -> Vec<Segment<'_>> {
    let mut segments = vec![Segment {
        name: "name",
        value: &selector.name,
    }];
    if let Some(project) = &selector.project {
        segments.push(Segment {
            name: "project",
            value: project,
        });
    }
    segments
}

/// A [`PromCall`] in Prometheus' own words.
struct Asked {
    endpoint: PromEndpoint,
    /// For label values only.
    label: String,
    params: Vec<(&'static str, String)>,
}

fn asked(call: PromCall) -> Asked {
    fn selection(
        matches: Vec<String>,
        start_secs: f64,
        end_secs: f64,
        limit: Option<u64>,
    ) -> Params {
        let mut params: Params = matches
            .into_iter()
            .map(|selector| ("match[]", selector))
            .collect();
        params.push(("start", start_secs.to_string()));
        params.push(("end", end_secs.to_string()));
        params.extend(limit.map(|limit| ("limit", limit.to_string())));
        params
    }
    type Params = Vec<(&'static str, String)>;

    let (endpoint, label, params) = match call {
        PromCall::Query { query, time_secs } => (
            PromEndpoint::Query,
            String::new(),
            vec![("query", query), ("time", time_secs.to_string())],
        ),
        PromCall::QueryRange {
            query,
            start_secs,
            end_secs,
            step_secs,
        } => (
            PromEndpoint::QueryRange,
            String::new(),
            vec![
                ("query", query),
                ("start", start_secs.to_string()),
                ("end", end_secs.to_string()),
                ("step", step_secs.to_string()),
            ],
        ),
        PromCall::Labels {
            matches,
            start_secs,
            end_secs,
        } => (
            PromEndpoint::Labels,
            String::new(),
            selection(matches, start_secs, end_secs, None),
        ),
        PromCall::LabelValues {
            label,
            matches,
            start_secs,
            end_secs,
            limit,
        } => (
            PromEndpoint::LabelValues,
            label,
            selection(matches, start_secs, end_secs, limit),
        ),
        PromCall::Series {
            matches,
            start_secs,
            end_secs,
            limit,
        } => (
            PromEndpoint::Series,
            String::new(),
            selection(matches, start_secs, end_secs, limit),
        ),
        PromCall::Metadata { metric, limit } => {
            let metric = metric.map(|metric| ("metric", metric));
            let limit = limit.map(|limit| ("limit", limit.to_string()));
            (
                PromEndpoint::Metadata,
                String::new(),
                metric.into_iter().chain(limit).collect(),
            )
        }
    };
    Asked {
        endpoint,
        label,
        params,
    }
}

fn refusal(body: &[u8], status: http::StatusCode) -> DataError {
    match perses_message(body) {
        // The endpoint is named only by the proxy's refusal, which the REST API never gives.
        Some(message) => match perses_refusal(status, &message, PromEndpoint::Query) {
            DataError::Unreachable | DataError::Refused => DataError::PersesUnreachable,
            error => error,
        },
        None => DataError::PersesUnreachable,
    }
}

fn not_perses() -> DataError {
    DataError::Malformed {
        hint: "not an answer of Perses".to_owned(),
    }
}
