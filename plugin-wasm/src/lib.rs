//! Every decision of the UI, in Rust: transport, chat state, markdown, tool call → panel, link policy.
//!
//! Built natively it is a library that `cargo test` covers; built for wasm it exports one handle (`boundary`).
//!
//! Where to start: [`view`] (what the shim renders and may ask for), then [`app`] (the machine), [`state`] (one
//! conversation), [`panel`], [`markdown`] [`transport`] and [`wire`].

pub mod app;
#[cfg(target_arch = "wasm32")]
pub mod boundary;
pub mod markdown;
pub mod panel;
pub mod state;
#[cfg(test)]
mod testing;
pub mod transport;
#[cfg(feature = "ts")]
pub mod types;
pub mod view;
pub mod wire;
