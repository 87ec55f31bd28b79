//! A browser, a Perses and a relay that a test plays by hand.

use serde_json::{Value, json};

use crate::app::{Core, Effect, Id, Input, Memo, Memory};
use crate::testing::{Random, Shim};
use crate::transport::answer::Answer;
use crate::transport::request::{Method, Request};
use crate::view::{AppView, Command};

pub const AT: i64 = 1_795_532_400_000;

pub struct World {
    pub core: Core,
    pub shim: Shim,
    pub now_ms: i64,
    /// Requests without an answer yet.
    pub asked: Vec<(Id, Request)>,
    /// Open streams, the wanted one last.
    pub streams: Vec<(Id, Request)>,
    pub alarms: Vec<(Id, u64)>,
    pub memos: Vec<(Memo, Option<String>)>,
    /// Every request ever made, as `METHOD url`.
    pub log: Vec<String>,
}

impl World {
    /// A page that has just said where it is.
    pub fn started(memory: Memory) -> Self {
        let mut random = Random::new(7);
        let mut world = Self {
            core: Core::new(memory, Box::new(move || random.next())),
            shim: Shim::default(),
            now_ms: AT,
            asked: Vec::new(),
            streams: Vec::new(),
            alarms: Vec::new(),
            memos: Vec::new(),
            log: Vec::new(),
        };
        world.settle();
        world.command(json!({"type": "start", "env": {"apiPrefix": "", "pluginBase": "/plugins/PersAI/",
            "origin": "https://perses.example", "timeRange": {"startMs": AT - 3_600_000, "endMs": AT},
            "utcOffsetMinutes": 345}}));
        world
    }

    /// A page that is connected, with one datasource and no conversations.
    pub fn ready() -> Self {
        let mut world = Self::started(Memory::default());
        world.connect(json!([]));
        world
    }

    /// Answers all that is asked up to the ready page.
    pub fn connect(&mut self, conversations: Value) {
        self.answer("config.json", 404, json!("nothing"));
        self.answer("/persai/v1/capabilities", 200, capabilities("perses"));
        self.answer(
            "/persai/v1/conversations",
            200,
            json!({ "conversations": conversations }),
        );
        self.answer("/globaldatasources", 200, datasources());
        self.answer("/api/v1/plugins", 200, plugins());
    }

    pub fn command(&mut self, command: Value) -> Option<String> {
        let command: Command = serde_json::from_value(command).unwrap();
        let refused = self.core.handle(Input::Command(command), self.now_ms).err();
        self.settle();
        refused
    }

    pub fn ask(&mut self, text: &str) {
        assert_eq!(self.command(json!({"type": "ask", "text": text})), None);
    }

    fn input(&mut self, input: Input<'_>) {
        self.core.handle(input, self.now_ms).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        for effect in self.core.take_effects() {
            match effect {
                Effect::Send { call, request } => {
                    self.log.push(line(&request));
                    self.asked.push((call, request));
                }
                Effect::Open { call, request } => {
                    self.log.push(line(&request));
                    self.streams.push((call, request));
                }
                Effect::Close { call } => {
                    self.asked.retain(|(id, _)| *id != call);
                    self.streams.retain(|(id, _)| *id != call);
                }
                Effect::Timer { timer, after_ms } => self.alarms.push((timer, after_ms)),
                Effect::Remember { memo, value } => self.memos.push((memo, value)),
            }
        }
        self.shim.apply(self.core.drain());
        assert!(
            self.streams.len() <= 1,
            "a tab holds at most one stream: {:?}",
            self.streams
        );
    }

    /// The oldest open request whose URL has `part` in it.
    pub fn take(&mut self, part: &str) -> (Id, Request) {
        let at = self
            .asked
            .iter()
            .position(|(_, request)| request.url.contains(part));
        let at = at.unwrap_or_else(|| panic!("nothing asked of {part}: {:?}", self.log));
        self.asked.remove(at)
    }

    pub fn answer(&mut self, part: &str, status: u16, body: Value) -> Request {
        let (call, request) = self.take(part);
        let answer = Answer::Http {
            status,
            retry_after_secs: None,
            body: body.to_string(),
        };
        self.input(Input::Answer { call, answer });
        request
    }

    pub fn fail(&mut self, part: &str) {
        let (call, _) = self.take(part);
        self.input(Input::Answer {
            call,
            answer: Answer::Unreachable,
        });
    }

    /// The wanted stream opens; its URL.
    pub fn open(&mut self) -> String {
        let (call, request) = self.streams.last().cloned().expect("a stream is wanted");
        self.input(Input::StreamOpened { call });
        request.url
    }

    pub fn refuse_stream(&mut self, status: u16, body: Value) {
        let (call, _) = self.streams.pop().expect("a stream is wanted");
        let answer = Answer::Http {
            status,
            retry_after_secs: None,
            body: body.to_string(),
        };
        self.input(Input::Answer { call, answer });
    }

    pub fn stream(&mut self, events: &[(u64, Value)]) {
        let (call, _) = self.streams.last().cloned().expect("a stream is open");
        let text: String = events
            .iter()
            .map(|(seq, event)| format!("id: {seq}\ndata: {event}\n\n"))
            .collect();
        self.input(Input::StreamBytes {
            call,
            bytes: text.as_bytes(),
        });
    }

    pub fn stream_unnumbered(&mut self, event: &Value) {
        let (call, _) = self.streams.last().cloned().expect("a stream is open");
        self.input(Input::StreamBytes {
            call,
            bytes: format!("data: {event}\n\n").as_bytes(),
        });
    }

    pub fn break_stream(&mut self) {
        let (call, _) = self.streams.pop().expect("a stream is open");
        self.input(Input::StreamEnded { call });
    }

    /// Lets time pass until the newest alarm rings; how long that was.
    pub fn ring(&mut self) -> u64 {
        let (timer, after_ms) = self.alarms.pop().expect("an alarm is set");
        self.now_ms += i64::try_from(after_ms).unwrap();
        self.input(Input::Timer { timer });
        after_ms
    }

    /// Rings everything that was ever set.
    pub fn ring_all(&mut self) {
        for (timer, _) in std::mem::take(&mut self.alarms) {
            self.input(Input::Timer { timer });
        }
    }

    pub fn app(&self) -> &AppView {
        self.shim.app()
    }

    pub fn trouble(&self) -> &str {
        self.app()
            .trouble
            .as_ref()
            .map_or("", |trouble| trouble.code.as_str())
    }

    pub fn count(&self, part: &str) -> usize {
        self.log.iter().filter(|line| line.contains(part)).count()
    }
}

fn line(request: &Request) -> String {
    let method = if request.method == Method::Get {
        "GET"
    } else {
        "POST"
    };
    format!("{method} {}", request.url)
}

/// The JSON body of a request.
pub fn body(request: &Request) -> Value {
    serde_json::from_str(request.body.as_deref().unwrap()).unwrap()
}

pub fn capabilities(authentication: &str) -> Value {
    json!({"product": "persai", "version": "0.1.0", "protocol": {"min": 1, "max": 1},
    "authentication": authentication, "user": "ada", "defaultModel": "builtin", "agUiVersion": "1.0",
    "ignoredInputs": ["tools"], "maxQuestionBytes": 1000,
    "models": [
        {"id": "builtin", "title": "Built-in engine", "provider": "builtin", "builtin": true},
        {"id": "big", "title": "Big", "provider": "p", "builtin": false, "sentTo": "llm.example"},
    ]})
}

pub fn datasources() -> Value {
    let item = |name: &str, default: bool, spec: Value| {
        json!({"metadata": {"name": name},
            "spec": {"default": default, "plugin": {"kind": "PrometheusDatasource", "spec": spec}}})
    };
    json!([
        item("a", false, json!({})),
        item("direct", false, json!({"directUrl": "http://x"})),
        item("main", true, json!({}))
    ])
}

pub fn plugins() -> Value {
    json!([{"spec": {"plugins": [
        {"kind": "Panel", "spec": {"name": "TimeSeriesChart"}}, {"kind": "Panel", "spec": {"name": "StatChart"}},
    ]}, "status": {"isLoaded": true}}])
}

pub fn refused(code: &str) -> Value {
    json!({"code": code, "message": "The relay's words."})
}

pub fn accepted(request: &Request) -> Value {
    let input = body(request);
    json!({"conversationId": input["threadId"], "runId": input["runId"], "firstSeq": 1, "state": "running"})
}

/// The first events of the run that `request` asked for.
pub fn run_events(request: &Request, first_seq: u64) -> Vec<(u64, Value)> {
    let input = body(request);
    let message = &input["messages"][0];
    let turn = json!({"v": 1, "messageId": message["id"], "question": message["content"], "datasources": [],
        "timeRange": {"startMs": 0, "endMs": 1}, "utcOffsetMinutes": 0, "model": "builtin", "atMs": AT});
    vec![
        (
            first_seq,
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": input["runId"]}),
        ),
        (
            first_seq + 1,
            json!({"type": "CUSTOM", "name": "persai.turn", "value": turn}),
        ),
        (
            first_seq + 2,
            json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "assistant"}),
        ),
    ]
}

pub fn text(delta: &str) -> Value {
    json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": delta})
}

pub fn finished(request: &Request) -> Value {
    json!({"type": "RUN_FINISHED", "threadId": "c", "runId": body(request)["runId"], "outcome": {"type": "success"}})
}
