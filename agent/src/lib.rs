//! The agent loop: a conversation's turn becomes rounds, rounds become tool calls, and all of it becomes events.
//!
//! Pure: it knows no HTTP, SQL, tokio, provider words or Perses URLs. What it needs of the world are the traits of
//! [`ports`], so that every test of it is deterministic.
//!
//! Where to start: [`ports`] (what it needs), [`message`] (what a model reads and writes), [`run`] (a run's life),
//! [`tools`] (what a model can ask for), [`engine`] (the model that is built in).

pub mod align;
mod answer;
pub mod budgets;
mod calls;
pub mod cancel;
pub mod digest;
mod emit;
mod ending;
pub mod engine;
mod halt;
pub mod local_time;
pub mod message;
pub mod neutral;
pub mod ports;
pub mod prom;
pub mod prompt;
mod provider_error;
mod rounds;
pub mod run;
pub mod template;
pub mod tools;

pub use budgets::{Budgets, Spent};
pub use cancel::{Cancel, CancelHandle};
pub use engine::BuiltinEngine;
pub use persai_guard::Policy;
pub use ports::Ports;
pub use run::{Run, RunEnd, run};
