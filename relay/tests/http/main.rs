//! The relay over real sockets, beside a small Perses double. Start with `support`.
#![allow(clippy::unwrap_used)]

mod cross_site;
mod datasources;
mod description;
mod front;
mod identity;
mod input;
mod never_401;
mod ownership;
mod runs;
mod secrets;
mod support;
mod upstream;
