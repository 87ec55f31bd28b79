//! The wire types that the relay and the plugin share. No I/O, no clock, no logic beyond checks of form.
//!
//! Where to start:
//! - [`agui`]: the event vocabulary, AG-UI 1.0.
//! - [`custom`]: our additions, `persai.*`, carried by `CUSTOM` events.
//! - [`evidence`]: what was asked of a datasource, exactly, and what came back.
//! - [`input`]: what a client posts to start a run.
//! - [`rest`] and [`error`]: the small REST API and its one error shape.
//!
//! Rules: camelCase on the wire, optional fields left out and never `null`, times in UTC milliseconds, units in names.

pub mod agui;
pub mod custom;
pub mod error;
pub mod evidence;
pub mod id;
pub mod input;
pub mod rest;

/// The range of protocol versions that this build speaks; a cached plugin and a newer relay compare these.
pub const PROTOCOL_MIN: u32 = 1;
pub const PROTOCOL_MAX: u32 = 1;
/// Our product mark in the capabilities: a plugin takes a relay only if it says this.
pub const PRODUCT: &str = "persai";
/// AG-UI's own version, sent in `RUN_STARTED`.
pub const AGUI_VERSION: &str = "1.0";
