//! The agent loop: a conversation's turn becomes rounds, rounds become tool calls, and all of it becomes events.
//!
//! Pure: it knows no HTTP, SQL, tokio, provider words or Perses URLs. What it needs of the world are the traits of
//! [`ports`], so that every test of it is deterministic.
//!
//! Where to start: [`ports`] (what it needs), then [`message`] (what a model reads and writes).

pub mod message;
pub mod ports;
