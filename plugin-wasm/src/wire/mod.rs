//! Reads the wire by hand: JSON text → [`Value`] → the protocol's own types.
//!
//! `serde`'s derived readers of these types come to a third of the whole plugin once compiled (60 KB as served); these
//! come to a fifth of that. They are more lenient (a field too many never hurts), and the tests hold them to the derived
//! ones, sample by sample.
//!
//! [`event`]: the stream. [`custom`]: our additions to it. [`rest`]: the relay's answers. [`command`]: the shim's.

pub mod command;
pub mod custom;
pub mod event;
pub mod rest;

use persai_protocol::custom::TimeRange;
use persai_protocol::evidence::DatasourceSelector;
use serde_json::Value;

/// Reading fields of a JSON object. `None`: absent, `null` or of another type.
pub trait Fields {
    fn text(&self, name: &str) -> Option<String>;
    fn int(&self, name: &str) -> Option<i64>;
    fn count(&self, name: &str) -> Option<u64>;
    fn flag(&self, name: &str) -> Option<bool>;
    /// The elements that `read` can read; none where there is no list.
    fn list<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T>;
    fn texts(&self, name: &str) -> Vec<String>;
}

impl Fields for Value {
    fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.to_owned())
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    fn list<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        let list = self
            .get(name)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter().filter_map(read).collect()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.list(name, |value| Some(value.as_str()?.to_owned()))
    }
}

/// `None` where it is not JSON.
#[must_use]
pub fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[must_use]
pub fn selector(value: &Value) -> Option<DatasourceSelector> {
    Some(DatasourceSelector {
        kind: value.text("kind")?,
        name: value.text("name")?,
        project: value.text("project"),
    })
}

#[must_use]
pub fn time_range(value: &Value) -> Option<TimeRange> {
    Some(TimeRange {
        start_ms: value.int("startMs")?,
        end_ms: value.int("endMs")?,
    })
}
