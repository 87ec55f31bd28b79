//! The built-in engine: a deterministic planner behind the same [`Model`] trait, with the same tools. It is not an LLM
//! and says so.

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::ports::{Model, ModelDescription, ModelEvent, ModelRequest, StopReason};

/// Needs no key and no network; knows no clock and no chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinEngine;

impl BuiltinEngine {
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Model for BuiltinEngine {
    fn describe(&self) -> ModelDescription {
        ModelDescription {
            id: "builtin".into(),
            provider: "builtin".into(),
            model: "builtin".into(),
        }
    }

    fn stream(&self, _request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        stream::iter([ModelEvent::End {
            stop: StopReason::EndTurn,
            replay: None,
        }])
        .boxed()
    }
}
