//! The benchmark's baseline: the same parser without what makes it incremental. Not in the product (feature `bench`).

use super::{LinkPolicy, parse};
use wasm_bindgen::prelude::wasm_bindgen;

/// The whole tree of `text` as JSON.
#[wasm_bindgen]
#[must_use]
pub fn parse_whole(text: &str) -> String {
    serde_json::to_string(&parse(text, &LinkPolicy::default())).unwrap_or_default()
}
