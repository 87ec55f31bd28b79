//! How the plugin talks to Perses and to the relay: same-origin requests and one event stream.
//!
//! What to call ([`request`], [`discovery`]), what an answer means ([`answer`], [`perses`]), when to try again
//! ([`backoff`]) and how to cut a stream ([`sse`]) is plain code, tested natively. Sending is `browser`, wasm only.
//! When each request is made is decided in [`crate::app`].

pub mod answer;
pub mod backoff;
#[cfg(target_arch = "wasm32")]
pub mod browser;
pub mod discovery;
pub mod perses;
pub mod request;
pub mod sse;
