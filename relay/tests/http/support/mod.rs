//! A relay on a port of its own, its Perses double, and the ways to talk to them.

mod log;
pub mod perses;
mod relay;
pub mod token;

pub use log::captured_log;
pub use perses::Perses;
pub use relay::{Answer, Options, Relay, question_body, raw, send};
