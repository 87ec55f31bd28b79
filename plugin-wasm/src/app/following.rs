//! The conversation's one stream: opened, read, lost, opened again. A tab holds at most one, and a hidden tab none.

use super::calls::Purpose;
use super::core::{Alarm, Core};
use super::{Id, Memo};
use crate::state::{Notable, trouble};
use crate::transport::answer::{self, Answer, Failure};
use crate::transport::backoff;
use crate::transport::sse::SseParser;

/// A hidden tab lets its stream go after this.
const HIDDEN_MS: u64 = 30_000;
/// How often a stream is looked after.
const WATCH_MS: u64 = 30_000;
/// The relay's heartbeats come far more often than this; a stream without any is dead.
const SILENCE_MS: i64 = 75_000;
/// A stream that lived so long was good: the next loss counts as the first.
const GOOD_MS: i64 = 10_000;
/// From this loss in a row on the user is told.
const TELL_AFTER: u32 = 2;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Follow {
    None,
    Opening {
        call: Id,
        after: u64,
        failures: u32,
    },
    Live {
        call: Id,
        after: u64,
        failures: u32,
        opened_at_ms: i64,
        heard_at_ms: i64,
    },
    /// Lost; the alarm is set.
    Waiting {
        failures: u32,
    },
    /// Let go on purpose; what was running still counts as running.
    Parked,
}

impl Core {
    /// Follows the conversation from where we are, unless that is done already.
    pub(super) fn follow_now(&mut self) {
        let failures = match self.follow {
            Follow::Opening { .. } | Follow::Live { .. } => return,
            Follow::Waiting { failures } => failures,
            Follow::None | Follow::Parked => 0,
        };
        self.cancel_alarms(Alarm::Follow);
        let Some(conversation) = self.conversation.clone() else {
            return;
        };
        if self.is_signed_out() {
            self.follow = Follow::Parked;
            return;
        }
        let after = self.chat.last_seq();
        let request = self.endpoints.events(&conversation, after);
        let call = self.send(Purpose::Stream, request);
        self.sse = SseParser::default();
        self.follow = Follow::Opening {
            call,
            after,
            failures,
        };
    }

    /// The refused opening is made once more, under another id.
    pub(super) fn stream_reopening(&mut self, id: Id) {
        if let Follow::Opening { call, .. } = &mut self.follow {
            *call = id;
        }
    }

    pub(super) fn unfollow(&mut self) {
        self.drop_calls(&Purpose::Stream);
        self.cancel_alarms(Alarm::Follow);
        self.cancel_alarms(Alarm::Watch);
        self.follow = Follow::None;
    }

    pub(super) fn stream_opened(&mut self, id: Id) {
        let Follow::Opening {
            call,
            after,
            failures,
        } = self.follow
        else {
            return;
        };
        if call != id {
            return;
        }
        self.clear_trouble(&[trouble::RELAY_UNREACHABLE]);
        self.follow = Follow::Live {
            call,
            after,
            failures,
            opened_at_ms: self.now_ms,
            heard_at_ms: self.now_ms,
        };
        self.cancel_alarms(Alarm::Watch);
        self.set_alarm(Alarm::Watch, WATCH_MS);
    }

    pub(super) fn stream_bytes(&mut self, id: Id, bytes: &[u8]) {
        let Follow::Live {
            call, heard_at_ms, ..
        } = &mut self.follow
        else {
            return;
        };
        if *call == id {
            *heard_at_ms = self.now_ms;
            self.read_stream(bytes, true);
        }
    }

    pub(super) fn stream_ended(&mut self, id: Id) {
        match self.follow {
            Follow::Live { call, .. } | Follow::Opening { call, .. } if call == id => {
                self.stream_lost(None)
            }
            _ => {}
        }
    }

    /// `ours`: from our own transport, so that the stream can be opened again where that is needed.
    pub(super) fn read_stream(&mut self, bytes: &[u8], ours: bool) {
        let mut frames = Vec::new();
        let whole = self.sse.push(bytes, |frame| frames.push(frame));
        for frame in frames {
            let notable = self.chat.apply_json(frame.seq, &frame.data, self.now_ms);
            self.app_changed |= notable != Notable::TextGrew;
            match notable {
                Notable::TextGrew | Notable::Nothing => {}
                Notable::RunStarted => self.run_shown(),
                Notable::RunEnded => {
                    self.stopping = false;
                    self.run_shown();
                    if ours {
                        self.refresh_conversations();
                    }
                }
                Notable::CaughtUp => self.run_shown(),
                Notable::Reset => {
                    // On a stream that begins at the beginning there is nothing more to read.
                    if ours && matches!(self.follow, Follow::Live { after: 1.., .. }) {
                        self.unfollow();
                        self.follow_now();
                        return;
                    }
                }
            }
        }
        if whole.is_err() {
            self.app_changed = true;
            self.sse = SseParser::default();
            if ours {
                self.stream_lost(None);
            }
        }
    }

    /// The stream could not be opened.
    pub(super) fn stream_refused(&mut self, answer: &Answer) {
        let missing = match answer::success(answer) {
            Err(Failure::NotOurs { status: 404 }) => true,
            Err(Failure::Refused(body)) if body.code == "notFound" => true,
            Err(Failure::Refused(body)) => {
                self.unfollow();
                self.trouble = Some(trouble::of_body(&body));
                return;
            }
            Err(Failure::Wait { secs, .. }) => {
                self.stream_lost(Some(secs * 1000));
                return;
            }
            _ => false,
        };
        if missing {
            self.unfollow();
            self.remember(Memo::Conversation, None);
            if self.chat.is_empty() {
                self.conversation = None;
            }
            self.trouble = Some(trouble::of_code("notFound", "", None));
        } else {
            self.stream_lost(None);
        }
    }

    fn stream_lost(&mut self, wait_ms: Option<u64>) {
        let failures = match self.follow {
            Follow::Live { opened_at_ms, .. } if self.now_ms - opened_at_ms >= GOOD_MS => 1,
            Follow::Live { failures, .. } | Follow::Opening { failures, .. } => {
                failures.saturating_add(1)
            }
            _ => return,
        };
        self.unfollow();
        if self.hidden {
            self.follow = Follow::Parked;
            return;
        }
        let wait_ms = wait_ms.unwrap_or_else(|| backoff::delay_ms(failures, (self.random)()));
        self.follow = Follow::Waiting { failures };
        self.set_alarm(Alarm::Follow, wait_ms);
        if failures >= TELL_AFTER {
            let secs = wait_ms.div_ceil(1000);
            self.trouble = Some(trouble::own(trouble::RELAY_UNREACHABLE, None, Some(secs)));
        }
    }

    pub(super) fn stream_parked(&mut self) {
        self.unfollow();
        self.follow = Follow::Parked;
    }

    /// A connection can die without a word (a laptop that slept).
    pub(super) fn watch(&mut self) {
        let Follow::Live { heard_at_ms, .. } = self.follow else {
            return;
        };
        if self.now_ms - heard_at_ms > SILENCE_MS {
            self.stream_lost(None);
        } else {
            self.set_alarm(Alarm::Watch, WATCH_MS);
        }
    }

    pub(super) fn visibility(&mut self, hidden: bool) {
        self.hidden = hidden;
        self.cancel_alarms(Alarm::Park);
        if hidden {
            self.set_alarm(Alarm::Park, HIDDEN_MS);
        } else {
            if matches!(self.follow, Follow::Parked | Follow::Waiting { .. }) {
                self.follow_now();
            }
            self.refresh_conversations();
        }
    }

    pub(super) fn park(&mut self) {
        if self.hidden && self.follow != Follow::None {
            self.stream_parked();
        }
    }
}
