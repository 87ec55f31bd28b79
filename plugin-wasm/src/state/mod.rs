//! The state of one conversation: protocol events in, patches of the view out. No clock, no I/O.
//!
//! Where to start: [`Chat`] (`chat`): takes events in the order of their seq, each exactly once. `view` gives out what
//! changed. [`message`] and [`tool`] are what it is made of; [`trouble`] is the table of everything that can go wrong.

mod chat;
mod folding;
pub mod message;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
pub mod tool;
pub mod trouble;
mod view;
mod words;

pub use chat::{Chat, Notable, Page, Unanswered};
