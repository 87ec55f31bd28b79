//! The HTTP side: everything under `/persai`, and in front mode the pipe to Perses.
//!
//! Start with [`router`]: the flat list of routes. A request passes [`layers`] (log, safe headers), [`caller`] (who
//! asks, from where), [`body`] (what is asked) and then its handler; event streams leave through [`sse`].

pub mod agent;
pub mod body;
pub mod caller;
pub mod capabilities;
pub mod conversations;
pub mod cross_site;
pub mod health;
pub mod layers;
pub mod openapi;
pub mod params;
pub mod question;
pub mod router;
pub mod runs;
pub mod sse;
pub mod state;

pub use router::build_app;
pub use state::AppState;
