//! The one configured Perses, read as the asking user. Nothing here can write.
//!
//! - [`calls`]: the closed table of every request that the relay can make.
//! - [`client`]: sends one of them, with caps and an allow-list of headers.
//! - [`reply`]: what an answer of the datasource proxy means.
//! - [`datasource`]: what a datasource allows.
//! - [`datasources`]: the agent's `Datasources`, for one run.

pub mod calls;
pub mod client;
pub mod datasource;
pub mod datasources;
pub mod reply;

pub use client::PersesClient;
pub use datasources::PersesDatasources;
