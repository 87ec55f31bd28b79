//! The machine's state, and where each input goes.

use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::id::is_valid_id;
use persai_protocol::rest::{Capabilities, ConversationSummary};

use super::calls::{Call, Session};
use super::connecting::Connection;
use super::following::Follow;
use super::sending::Outbox;
use super::{Effect, Id, Input, Memo, Memory};
use crate::state::Chat;
use crate::transport::perses::Datasource;
use crate::transport::request::Endpoints;
use crate::transport::sse::SseParser;
use crate::view::{AppView, HostEnv, Patch, TroubleView, ViewNode};

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Look for the relay again.
    Connect,
    /// Open the stream again.
    Follow,
    /// Is the stream still alive?
    Watch,
    /// Send the question again.
    Post,
    /// The tab has been hidden for long enough: let the stream go.
    Park,
}

pub struct Core {
    pub(super) random: Box<dyn FnMut() -> u64>,
    pub(super) now_ms: i64,
    next_id: Id,
    pub(super) effects: Vec<Effect>,
    pub(super) calls: Vec<(Id, Call)>,
    pub(super) timers: Vec<(Id, Alarm)>,

    pub(super) env: Option<HostEnv>,
    pub(super) suggested_step_ms: Option<i64>,
    pub(super) hidden: bool,
    pub(super) remembered: Memory,

    pub(super) endpoints: Endpoints,
    pub(super) connection: Connection,
    pub(super) session: Session,
    pub(super) capabilities: Option<Box<Capabilities>>,
    pub(super) datasources: Vec<Datasource>,
    pub(super) selected: Vec<DatasourceSelector>,
    pub(super) model: String,
    pub(super) conversations: Vec<ConversationSummary>,

    pub(super) conversation: Option<String>,
    pub(super) chat: Chat,
    pub(super) sse: SseParser,
    pub(super) follow: Follow,
    pub(super) outbox: Outbox,
    pub(super) stopping: bool,
    pub(super) trouble: Option<TroubleView>,
    /// Something that the `app` node may show has changed since the last drain.
    pub(super) app_changed: bool,
    shown: Option<AppView>,
}

impl Core {
    /// `random` gives 64 unpredictable bits: ids and the browser key are made of them.
    #[must_use]
    pub fn new(memory: Memory, random: Box<dyn FnMut() -> u64>) -> Self {
        let mut core = Self {
            random,
            now_ms: 0,
            next_id: 1,
            effects: Vec::new(),
            calls: Vec::new(),
            timers: Vec::new(),
            env: None,
            suggested_step_ms: None,
            hidden: false,
            remembered: Memory::default(),
            endpoints: Endpoints::default(),
            connection: Connection::NotStarted,
            session: Session::Fine,
            capabilities: None,
            datasources: Vec::new(),
            selected: Vec::new(),
            model: String::new(),
            conversations: Vec::new(),
            conversation: None,
            chat: Chat::default(),
            sse: SseParser::default(),
            follow: Follow::None,
            outbox: Outbox::Empty,
            stopping: false,
            trouble: None,
            app_changed: true,
            shown: None,
        };
        core.endpoints.browser_key = match memory.browser_key.clone().filter(|key| is_valid_id(key))
        {
            Some(key) => key,
            None => {
                let key = core.new_name("b");
                core.remember(Memo::BrowserKey, Some(key.clone()));
                key
            }
        };
        core.remembered = memory;
        core
    }

    /// Takes what happened at `now_ms` (UTC milliseconds). Effects and patches are to be fetched afterwards.
    ///
    /// # Errors
    /// A sentence for the user, where a command can't be done.
    pub fn handle(&mut self, input: Input<'_>, now_ms: i64) -> Result<(), String> {
        self.now_ms = now_ms;
        self.app_changed |= !matches!(input, Input::StreamBytes { .. });
        match input {
            Input::Command(command) => return self.command(command),
            Input::Answer { call, answer } => self.answered(call, &answer),
            Input::StreamOpened { call } => self.stream_opened(call),
            Input::StreamBytes { call, bytes } => self.stream_bytes(call, bytes),
            Input::StreamEnded { call } => self.stream_ended(call),
            Input::Timer { timer } => self.rang(timer),
        }
        Ok(())
    }

    /// Bytes of a conversation's stream that come from elsewhere than our own transport (tests, benchmarks).
    pub fn feed(&mut self, bytes: &[u8], now_ms: i64) {
        self.now_ms = now_ms;
        self.read_stream(bytes, false);
    }

    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// All changes of the view since the last call, in an order in which nothing is named before it is there.
    pub fn drain(&mut self) -> Vec<Patch> {
        let mut patches = Vec::new();
        self.chat.drain(&mut patches, self.now_ms);
        // Built only where it can differ: deltas come far more often than anything that it shows.
        if std::mem::take(&mut self.app_changed) {
            let app = self.app_view();
            if self.shown.as_ref() != Some(&app) {
                patches.push(Patch::Set {
                    key: "app".to_owned(),
                    value: ViewNode::App(app.clone()),
                });
                self.shown = Some(app);
            }
        }
        patches
    }

    /// All that a shim needs that starts from nothing; changes that were not drained yet are in it.
    pub fn snapshot(&mut self) -> Vec<Patch> {
        self.chat.forget_shown();
        self.shown = None;
        self.app_changed = true;
        self.drain()
    }

    fn rang(&mut self, timer: Id) {
        let at = self.timers.iter().position(|(id, _)| *id == timer);
        match at.map(|at| self.timers.swap_remove(at).1) {
            Some(Alarm::Connect) => self.connect(),
            Some(Alarm::Follow) => self.follow_now(),
            Some(Alarm::Watch) => self.watch(),
            Some(Alarm::Post) => self.post(),
            Some(Alarm::Park) => self.park(),
            None => {}
        }
    }

    // --- small tools of the other files ------------------------------------------------------------------------------

    pub(super) fn new_id(&mut self) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// An unguessable name for a conversation, run, message or browser.
    pub(super) fn new_name(&mut self, prefix: &str) -> String {
        format!("{prefix}-{:016x}{:016x}", (self.random)(), (self.random)())
    }

    pub(super) fn remember(&mut self, memo: Memo, value: Option<String>) {
        self.effects.push(Effect::Remember { memo, value });
    }

    pub(super) fn set_alarm(&mut self, alarm: Alarm, after_ms: u64) -> Id {
        let timer = self.new_id();
        self.timers.push((timer, alarm));
        self.effects.push(Effect::Timer { timer, after_ms });
        timer
    }

    pub(super) fn cancel_alarms(&mut self, alarm: Alarm) {
        self.timers.retain(|(_, other)| *other != alarm);
    }

    pub(super) fn clear_trouble(&mut self, codes: &[&str]) {
        if self
            .trouble
            .as_ref()
            .is_some_and(|trouble| codes.contains(&trouble.code.as_str()))
        {
            self.trouble = None;
        }
    }
}
