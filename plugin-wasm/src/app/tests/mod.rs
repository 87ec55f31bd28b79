//! The machine against a played world: what it asks for, and what the page shows. [`world`] is the harness.
#![allow(clippy::unwrap_used)]

mod connecting;
mod following;
mod sending;
mod session;
mod world;
