//! Every decision of the UI, in Rust: transport, chat state, markdown, tool call → panel, link policy.
//!
//! Built natively it is a library that `cargo test` covers; built for wasm it exports one handle (`boundary`).
//!
//! Where to start: [`view`] (what the shim renders and may ask for).

pub mod markdown;
pub mod panel;
pub mod transport;
#[cfg(feature = "ts")]
pub mod types;
pub mod view;
