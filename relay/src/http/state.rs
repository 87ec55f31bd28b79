//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;

use persai_protocol::rest::ModelInfo;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::identity::{Freshness, Identity};
use crate::perses::PersesClient;
use crate::providers::Models;
use crate::runs::Runs;

/// Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

pub struct Inner {
    pub config: Config,
    pub identity: Identity,
    pub perses: PersesClient,
    pub runs: Runs,
    /// Never empty: the built-in engine is always there.
    pub models: Vec<ModelInfo>,
    pub default_model: String,
    /// Ends every open stream, so that the relay can stop.
    pub shutdown: CancellationToken,
}

impl AppState {
    #[must_use]
    pub fn new(
        config: Config,
        perses: PersesClient,
        freshness: Freshness,
        models: &Models,
        runs: Runs,
    ) -> Self {
        Self(Arc::new(Inner {
            identity: Identity::new(perses.clone(), freshness),
            config,
            perses,
            runs,
            models: models.list(),
            default_model: models.default_model().to_owned(),
            shutdown: CancellationToken::new(),
        }))
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
