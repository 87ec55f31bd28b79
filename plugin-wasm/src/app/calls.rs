//! Requests under way, and what happens where Perses no longer takes the token: one refresh, one repetition, and no
//! more. A refusal that lasts costs two requests.

use super::core::Core;
use super::{Effect, Id};
use crate::state::trouble;
use crate::transport::answer::{self, Answer, Failure};
use crate::transport::request::Request;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Config,
    Capabilities,
    Conversations,
    Datasources,
    Plugins,
    Agent { run_id: String },
    Cancel { run_id: String },
    Refresh,
    Stream,
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub purpose: Purpose,
    pub request: Request,
    /// It has been refused before, and a refresh was tried since.
    pub repeated: bool,
}

/// How we stand with Perses' token.
#[derive(Debug)]
pub(super) enum Session {
    Fine,
    /// Perses is renewing it; these calls come next.
    Refreshing(Vec<Call>),
    /// Nothing is asked by itself until the user tries again.
    SignedOut,
}

impl Core {
    pub(super) fn send(&mut self, purpose: Purpose, request: Request) -> Id {
        self.dispatch_call(Call {
            purpose,
            request,
            repeated: false,
        })
    }

    fn dispatch_call(&mut self, call: Call) -> Id {
        let id = self.new_id();
        let request = call.request.clone();
        self.effects.push(if call.purpose == Purpose::Stream {
            Effect::Open { call: id, request }
        } else {
            Effect::Send { call: id, request }
        });
        self.calls.push((id, call));
        id
    }

    pub(super) fn is_under_way(&self, purpose: &Purpose) -> bool {
        let waiting = match &self.session {
            Session::Refreshing(waiting) => waiting.as_slice(),
            _ => &[],
        };
        self.calls
            .iter()
            .map(|(_, call)| call)
            .chain(waiting)
            .any(|call| call.purpose == *purpose)
    }

    pub(super) fn is_signed_out(&self) -> bool {
        matches!(self.session, Session::SignedOut)
    }

    /// Forgets the calls of this purpose; what still comes of them is ignored.
    pub(super) fn drop_calls(&mut self, purpose: &Purpose) {
        let effects = &mut self.effects;
        self.calls.retain(|(id, call)| {
            let stays = call.purpose != *purpose;
            if !stays {
                effects.push(Effect::Close { call: *id });
            }
            stays
        });
        if let Session::Refreshing(waiting) = &mut self.session {
            waiting.retain(|call| call.purpose != *purpose);
        }
    }

    pub(super) fn answered(&mut self, id: Id, answer: &Answer) {
        let Some(at) = self.calls.iter().position(|(other, _)| *other == id) else {
            return;
        };
        let (_, call) = self.calls.swap_remove(at);
        if call.purpose == Purpose::Refresh {
            self.refreshed(answer);
            return;
        }
        if answer::success(answer) == Err(Failure::TokenExpired) {
            self.token_refused(call);
            return;
        }
        match call.purpose {
            Purpose::Config => self.config_read(answer),
            Purpose::Capabilities => self.capabilities_read(answer),
            Purpose::Conversations => self.conversations_read(answer),
            Purpose::Datasources => self.datasources_read(answer),
            Purpose::Plugins => self.plugins_read(answer),
            Purpose::Agent { run_id } => self.agent_answered(&run_id, answer),
            Purpose::Cancel { run_id } => self.cancel_answered(&run_id, answer),
            Purpose::Stream => self.stream_refused(answer),
            Purpose::Refresh => {}
        }
    }

    fn token_refused(&mut self, mut call: Call) {
        if call.repeated || self.is_signed_out() {
            self.signed_out(&call.purpose);
            return;
        }
        call.repeated = true;
        if let Session::Refreshing(waiting) = &mut self.session {
            waiting.push(call);
            return;
        }
        self.session = Session::Refreshing(vec![call]);
        let refresh = self.endpoints.refresh();
        self.send(Purpose::Refresh, refresh);
    }

    fn refreshed(&mut self, answer: &Answer) {
        let Session::Refreshing(waiting) = std::mem::replace(&mut self.session, Session::Fine)
        else {
            return;
        };
        if answer::success(answer).is_ok() {
            for call in waiting {
                let purpose = call.purpose.clone();
                let id = self.dispatch_call(call);
                if purpose == Purpose::Stream {
                    self.stream_reopening(id);
                }
            }
            return;
        }
        self.session = Session::SignedOut;
        for call in waiting {
            self.signed_out(&call.purpose);
        }
    }

    /// The user has to sign in; whatever was under way for this purpose stays as it is.
    fn signed_out(&mut self, purpose: &Purpose) {
        self.session = Session::SignedOut;
        let trouble = trouble::own(trouble::SIGN_IN_AGAIN, None, None);
        match purpose {
            Purpose::Agent { run_id } => self.question_failed(run_id, trouble.clone()),
            Purpose::Cancel { .. } => self.stopping = false,
            Purpose::Stream => self.stream_parked(),
            _ => self.entered(),
        }
        self.trouble = Some(trouble);
    }

    /// The user says that the session is good again.
    pub(super) fn try_session_again(&mut self) {
        self.session = Session::Fine;
        self.clear_trouble(&[trouble::SIGN_IN_AGAIN]);
    }
}
