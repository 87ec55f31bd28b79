//! A fixture exporter: a small shop whose metrics are functions of absolute time, so that backfilled blocks and live
//! scrapes are parts of the same series.
//!
//! [`world`] has the shop's functions and [`hosts`] those of its machines, [`targets`] lists both, [`text`] has the
//! formats with TYPE, UNIT and HELP, [`serve`] answers scrapes and [`blocks`] writes the past with promtool.

pub mod blocks;
pub mod hosts;
pub mod serve;
pub mod targets;
pub mod text;
pub mod world;
