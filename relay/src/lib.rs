//! PersAI's relay: HTTP, identity, log, Perses client and providers around the pure agent.
//!
//! Where to start, along the life of a question: [`http`] (the routes), [`identity`] (who asks), [`runs`] (what happens
//! to it), [`log`] (what is kept), [`providers`] (who answers), [`perses`] (what Perses is asked). Around them:
//! [`config`] (what can be set), [`error`] (what goes wrong), [`front`] (serving the whole origin), [`server`] (start
//! and stop), [`logging`] (the operator's log).

pub mod config;
pub mod error;
pub mod front;
pub mod http;
pub mod identity;
pub mod log;
pub mod logging;
pub mod perses;
pub mod providers;
pub mod runs;
pub mod server;
