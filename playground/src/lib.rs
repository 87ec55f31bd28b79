//! A small world to run PersAI in, for the demo and the tests. Never shipped.
//!
//! Where to start:
//! - [`perses`]: a stand-in for Perses, with a closed route table ([`perses::routes`]).
//! - [`llm`]: a stand-in for an OpenAI-compatible provider, driven by scripts.
//! - [`exporter`]: a fixture exporter and the backfilled blocks that go with it.
//! - [`demo`]: starts all of it, with Prometheus, node exporter and the relay.
//!
//! Every part speaks its real wire format over real sockets.

pub mod demo;
pub mod exporter;
pub mod failure;
pub mod llm;
pub mod net;
pub mod perses;
pub mod record;
