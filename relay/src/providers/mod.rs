//! Models of LLM providers, and the built-in engine beside them.
//!
//! Where to start: [`Models`], the list. [`chat`]: OpenAI-compatible chat completions behind the agent's `Model`.
//! Inside it and [`convert`], [`errors`] and [`transport`] rig-core is known, and nowhere else.

use std::sync::Arc;

use persai_agent::BuiltinEngine;
use persai_agent::ports::Model;
use persai_protocol::rest::ModelInfo;

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
