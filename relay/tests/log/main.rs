//! The conversation log: [`suite`] is what every log must do, [`sqlite`] what is special to its file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sqlite;
mod suite;
mod support;
