//! PersAI's relay: HTTP, identity, log, Perses client and providers around the pure agent.
//!
//! Where to start: [`config`] (what can be set), [`identity`] (who asks), [`perses`] (what is asked of Perses),
//! [`runs`] (what happens to a question), [`error`] (what goes wrong).

pub mod config;
pub mod error;
pub mod identity;
pub mod log;
pub mod perses;
pub mod providers;
pub mod runs;
