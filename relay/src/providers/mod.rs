//! Models of LLM providers, and the built-in engine beside them.
//!
//! Where to start: [`Models`], the list. [`chat`]: OpenAI-compatible chat completions behind the agent's `Model`;
//! [`convert`]: our messages as it takes them; [`errors`]: what can go wrong; [`transport`]: our own HTTP under it.
//! rig-core is known in this folder and nowhere else.

mod chat;
mod convert;
mod errors;
mod transport;

use std::sync::Arc;

use persai_agent::BuiltinEngine;
use persai_agent::ports::Model;
use persai_protocol::rest::ModelInfo;

use crate::config::{Config, ConfigError, ProviderConfig, ProviderKind};

/// Id of the built-in engine.
pub const BUILTIN: &str = "builtin";

/// The models that can be asked. The built-in engine is always among them, as the last.
pub struct Models {
    entries: Vec<(ModelInfo, Arc<dyn Model>)>,
    default_model: String,
}

impl Models {
    /// `default_model`: the configured one; else the first, else the built-in engine.
    #[must_use]
    pub fn new(
        mut entries: Vec<(ModelInfo, Arc<dyn Model>)>,
        default_model: Option<String>,
    ) -> Self {
        let engine = ModelInfo {
            id: BUILTIN.to_owned(),
            title: "Built-in engine (not an LLM)".to_owned(),
            provider: BUILTIN.to_owned(),
            builtin: true,
            sent_to: None,
        };
        entries.push((engine, Arc::new(BuiltinEngine::new())));
        let default_model = default_model.unwrap_or_else(|| entries[0].0.id.clone());
        Self {
            entries,
            default_model,
        }
    }

    /// Reads the keys and builds one HTTP client per provider. Sends nothing.
    ///
    /// # Errors
    /// A key cannot be read, or a header is not the operator's to set.
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        let entries = config
            .providers
            .iter()
            .map(entry)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(entries, config.default_model.clone()))
    }

    #[must_use]
    pub fn list(&self) -> Vec<ModelInfo> {
        self.entries.iter().map(|(info, _)| info.clone()).collect()
    }

    #[must_use]
    pub fn default_model(&self) -> &str {
        &self.default_model
    }

    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<dyn Model>> {
        self.entries
            .iter()
            .find(|(info, _)| info.id == id)
            .map(|(_, model)| Arc::clone(model))
    }
}

fn entry(provider: &ProviderConfig) -> Result<(ModelInfo, Arc<dyn Model>), ConfigError> {
    let (name, model): (_, Arc<dyn Model>) = match provider.kind {
        ProviderKind::OpenaiChat => ("openaiChat", Arc::new(chat::ChatModel::new(provider)?)),
    };
    let info = ModelInfo {
        id: provider.id.clone(),
        title: provider
            .title
            .clone()
            .unwrap_or_else(|| provider.model.clone()),
        provider: name.to_owned(),
        builtin: false,
        sent_to: Some(provider.sent_to()),
    };
    Ok((info, model))
}
