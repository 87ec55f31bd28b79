//! OpenAI-compatible chat completions over real sockets. The server is in [`support`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod http;
mod requests;
mod support;
