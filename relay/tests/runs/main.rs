//! Runs on a real log. The models are in [`models`], the rest that all tests use in [`support`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod follow;
mod kill;
mod life;
mod models;
mod support;
