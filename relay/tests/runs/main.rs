//! Runs on a real log. The model, whose every word waits for the test, is in [`support`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod follow;
mod kill;
mod life;
mod support;
