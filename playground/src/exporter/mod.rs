//! A fixture exporter: a small shop whose metrics are functions of absolute time, so that backfilled blocks and live
//! scrapes are parts of the same series.
//!
//! [`world`] and [`hosts`] have the functions, [`text`] the OpenMetrics format with TYPE, UNIT and HELP, [`serve`] answers scrapes and
//! [`blocks`] writes the past with promtool.

pub mod blocks;
pub mod hosts;
pub mod serve;
pub mod text;
pub mod world;
