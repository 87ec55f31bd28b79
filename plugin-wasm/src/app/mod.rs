//! The whole plugin as one machine without I/O: commands, answers, stream bytes and timers go in; effects and patches
//! come out. The browser side (`crate::boundary`, wasm only) only carries them.
//!
//! Where to start: [`Core::handle`] (`core`). Then by subject: `commands` (what the user does), `connecting` (finding
//! the relay, the lists), `calls` (requests and the one refresh of an expired token), `sending` (a question on its way),
//! `following` (the conversation's stream and its reconnects), `view` (the `app` node).

mod calls;
mod commands;
mod connecting;
mod core;
mod following;
mod sending;
#[cfg(test)]
mod tests;
mod view;

pub use self::core::Core;

use crate::transport::answer::Answer;
use crate::transport::request::Request;
use crate::view::Command;

/// Names a request or stream, or a timer, for as long as it lasts. Never reused.
pub type Id = u64;

/// What happens to the machine.
#[derive(Debug)]
pub enum Input<'a> {
    Command(Command),
    /// The answer of a request; of a stream where it could not be opened (any status but 200).
    Answer {
        call: Id,
        answer: Answer,
    },
    StreamOpened {
        call: Id,
    },
    StreamBytes {
        call: Id,
        bytes: &'a [u8],
    },
    /// The stream is over, for whatever reason.
    StreamEnded {
        call: Id,
    },
    Timer {
        timer: Id,
    },
}

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Send {
        call: Id,
        request: Request,
    },
    /// A stream: its answer is read as it comes.
    Open {
        call: Id,
        request: Request,
    },
    /// Whatever comes of this call is not wanted any more.
    Close {
        call: Id,
    },
    Timer {
        timer: Id,
        after_ms: u64,
    },
    /// Keep a value; `None` forgets it.
    Remember {
        memo: Memo,
        value: Option<String>,
    },
}

/// What is kept in the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memo {
    /// For this browser, for good.
    BrowserKey,
    /// For this browser, for good.
    Datasource,
    /// For this tab: a reload finds its conversation again.
    Conversation,
}

/// What was kept before.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub browser_key: Option<String>,
    pub datasource: Option<String>,
    pub conversation: Option<String>,
}
