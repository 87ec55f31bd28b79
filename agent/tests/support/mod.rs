//! Deterministic stand-ins for the agent's ports, and a checker of AG-UI's order that every test run goes through.
#![allow(clippy::unwrap_used, dead_code)]

pub mod sequence;
pub mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use persai_agent::message::{ContentBlock, Message, Role};
use persai_agent::ports::{
    Clock, Datasources, Entry, Ids, Journal, JournalError, Model, ModelDescription, ModelEvent,
    ModelRequest, Ports, StopReason,
};
use persai_agent::{Budgets, Cancel, CancelHandle, Policy, Run, RunEnd, run};
use persai_protocol::agui::Event;
use persai_protocol::custom::{Custom, TimeRange};
use persai_protocol::evidence::{DatasourceSelector, Evidence};
use serde_json::Value;

/// 2026-11-24T10:20:37Z
pub const NOW_MS: i64 = 1_795_515_637_000;

// --- model ---------------------------------------------------------------------------------------------------------

/// Plays one script per call, in order; the last one again where there are no more.
pub struct ScriptedModel {
    pub scripts: Vec<Vec<ModelEvent>>,
    pub requests: Arc<Mutex<Vec<ModelRequest>>>,
    /// After its script, a call that has no end waits for ever instead of closing, and this is done.
    pub on_stall: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl ScriptedModel {
    pub fn new(scripts: Vec<Vec<ModelEvent>>) -> Self {
        Self {
            scripts,
            requests: Arc::default(),
            on_stall: None,
        }
    }
}

impl Model for ScriptedModel {
    fn describe(&self) -> ModelDescription {
        ModelDescription {
            id: "scripted".into(),
            provider: "test".into(),
            model: "scripted-1".into(),
        }
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        let mut requests = self.requests.lock().unwrap();
        let script = self
            .scripts
            .get(requests.len())
            .or(self.scripts.last())
            .cloned()
            .unwrap_or_default();
        requests.push(request);
        let ends = script
            .iter()
            .any(|event| matches!(event, ModelEvent::End { .. } | ModelEvent::Error(_)));
        let played = stream::iter(script).then(|event| async move {
            // Not all at once, so that deltas come in several batches.
            yield_once().await;
            event
        });
        match self.on_stall.clone().filter(|_| !ends) {
            Some(on_stall) => played
                .chain(stream::once(async move {
                    on_stall();
                    futures::future::pending::<ModelEvent>().await
                }))
                .boxed(),
            None => played.boxed(),
        }
    }
}

pub async fn yield_once() {
    let mut yielded = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            std::task::Poll::Ready(())
        } else {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    })
    .await;
}

pub fn text(words: &str) -> ModelEvent {
    ModelEvent::TextDelta(words.to_owned())
}

pub fn end(stop: StopReason) -> ModelEvent {
    ModelEvent::End { stop, replay: None }
}

/// Start, two deltas and end of a tool call.
pub fn call(part: usize, id: &str, name: &str, arguments: &str) -> Vec<ModelEvent> {
    let middle = (0..=arguments.len() / 2)
        .rev()
        .find(|at| arguments.is_char_boundary(*at))
        .unwrap();
    let (id, name) = (id.to_owned(), name.to_owned());
    vec![
        ModelEvent::ToolCallStart {
            part,
            id: id.clone(),
            name: name.clone(),
        },
        ModelEvent::ToolCallDelta {
            part,
            json: arguments[..middle].to_owned(),
        },
        ModelEvent::ToolCallDelta {
            part,
            json: arguments[middle..].to_owned(),
        },
        ModelEvent::ToolCallEnd {
            part,
            id,
            name,
            arguments: arguments.to_owned(),
        },
    ]
}

pub fn query_call(part: usize, id: &str, query: &str) -> Vec<ModelEvent> {
    call(
        part,
        id,
        "query_metrics",
        &serde_json::json!({"description": "a look", "query": query}).to_string(),
    )
}

// --- journal, clock, ids -------------------------------------------------------------------------------------------

#[derive(Default)]
pub struct RecordingJournal {
    pub entries: Mutex<Vec<Entry>>,
    pub batches: AtomicU64,
    /// Says stop once this many events are written.
    pub cancel_at: Mutex<Option<(usize, CancelHandle)>>,
    /// Fails from this batch on.
    pub fail_at: Option<u64>,
}

impl Journal for RecordingJournal {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            yield_once().await;
            if self
                .fail_at
                .is_some_and(|at| self.batches.fetch_add(1, Ordering::Relaxed) >= at)
            {
                return Err(JournalError("disk full".into()));
            }
            let mut all = self.entries.lock().unwrap();
            all.extend(entries);
            let events = all
                .iter()
                .filter(|entry| matches!(entry, Entry::Event(_)))
                .count();
            if let Some((at, handle)) = &*self.cancel_at.lock().unwrap()
                && events >= *at
            {
                handle.cancel();
            }
            Ok(())
        })
    }
}

/// Short sleeps pass at once and move the time; long ones wait for [`VirtualClock::fire`].
#[derive(Default)]
pub struct VirtualClock {
    passed_ms: AtomicI64,
    pub slept: Mutex<Vec<u64>>,
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
}

impl VirtualClock {
    pub fn fire(&self) {
        for waiting in self.waiting.lock().unwrap().drain(..) {
            let _ = waiting.send(());
        }
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        NOW_MS + self.passed_ms.load(Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> u64 {
        self.passed_ms.load(Ordering::Relaxed).unsigned_abs()
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        self.slept.lock().unwrap().push(millis);
        if millis < 60_000 {
            self.passed_ms.fetch_add(millis as i64, Ordering::Relaxed);
            return Box::pin(yield_once());
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().push(sender);
        Box::pin(async move {
            let _ = receiver.await;
        })
    }
}

#[derive(Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

// --- a run ---------------------------------------------------------------------------------------------------------

pub struct Setup {
    pub model: Arc<dyn Model>,
    pub datasources: Arc<dyn Datasources>,
    pub journal: Arc<RecordingJournal>,
    pub clock: Arc<VirtualClock>,
    pub run: Run,
}

/// What a run left behind; its order was checked already.
pub struct Recorded {
    pub end: RunEnd,
    pub entries: Vec<Entry>,
    pub events: Vec<Event>,
}

pub fn selector() -> DatasourceSelector {
    DatasourceSelector {
        kind: "PrometheusDatasource".into(),
        name: "prom".into(),
        project: None,
    }
}

pub fn question(words: &str) -> Message {
    Message {
        role: Role::User,
        blocks: vec![ContentBlock::Text {
            text: words.to_owned(),
        }],
        replay: None,
    }
}

pub fn setup(model: impl Model + 'static, words: &str) -> Setup {
    Setup {
        model: Arc::new(model),
        datasources: Arc::new(world::World::usual()),
        journal: Arc::default(),
        clock: Arc::default(),
        run: Run {
            conversation_id: "c_1".into(),
            run_id: "r_1".into(),
            question: words.into(),
            history: vec![question(words)],
            datasources: vec![selector()],
            time_range: TimeRange {
                start_ms: NOW_MS - 3_600_000,
                end_ms: NOW_MS,
            },
            utc_offset_minutes: 0,
            suggested_step_ms: None,
            variables: BTreeMap::new(),
            budgets: Budgets::default(),
            guard: Policy::default(),
            operator_rules: None,
        },
    }
}

impl Setup {
    pub fn ports(&self) -> Ports {
        Ports {
            model: Arc::clone(&self.model),
            datasources: Arc::clone(&self.datasources),
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: Arc::new(CountingIds::default()),
        }
    }

    pub fn go(self) -> Recorded {
        self.go_with(Cancel::never())
    }

    pub fn cancel_at(self, event: usize) -> Recorded {
        let (handle, cancel) = Cancel::pair();
        *self.journal.cancel_at.lock().unwrap() = Some((event, handle));
        self.go_with(cancel)
    }

    pub fn go_with(self, cancel: Cancel) -> Recorded {
        let ports = self.ports();
        let end = block_on(run(self.run, ports, cancel));
        let entries = self.journal.entries.lock().unwrap().clone();
        let events: Vec<Event> = entries
            .iter()
            .filter_map(|entry| {
                if let Entry::Event(event) = entry {
                    Some(event.clone())
                } else {
                    None
                }
            })
            .collect();
        if self.journal.fail_at.is_none() {
            sequence::check(&events);
            check_history(&entries);
        }
        Recorded {
            end,
            entries,
            events,
        }
    }
}

/// Every tool call of a stored assistant message has its result in the message after it, in call order.
fn check_history(entries: &[Entry]) {
    let messages: Vec<&Message> = entries
        .iter()
        .filter_map(|entry| {
            if let Entry::Message(m) = entry {
                Some(m)
            } else {
                None
            }
        })
        .collect();
    for (at, message) in messages.iter().enumerate() {
        let calls: Vec<&str> = message
            .blocks
            .iter()
            .filter_map(|block| {
                if let ContentBlock::ToolCall { id, .. } = block {
                    Some(id.as_str())
                } else {
                    None
                }
            })
            .collect();
        if calls.is_empty() {
            continue;
        }
        let results: Vec<&str> = messages
            .get(at + 1)
            .expect("results after calls")
            .blocks
            .iter()
            .filter_map(|block| {
                if let ContentBlock::ToolResult(r) = block {
                    Some(r.tool_call_id.as_str())
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(calls, results);
        for block in &message.blocks {
            if let ContentBlock::ToolCall { arguments, .. } = block {
                assert!(
                    serde_json::from_str::<Value>(arguments)
                        .unwrap()
                        .is_object(),
                    "history is poisoned: {arguments}"
                );
            }
        }
    }
}

impl Recorded {
    pub fn text(&self) -> String {
        self.events
            .iter()
            .filter_map(|event| {
                if let Event::TextMessageContent { delta, .. } = event {
                    Some(delta.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    /// Tool call id and content, in order.
    pub fn results(&self) -> Vec<(String, String)> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::ToolCallResult {
                    tool_call_id,
                    content,
                    ..
                } => Some((tool_call_id.clone(), content.clone())),
                _ => None,
            })
            .collect()
    }

    pub fn customs(&self) -> Vec<Custom> {
        self.events
            .iter()
            .filter_map(|event| {
                if let Event::Custom { name, value } = event {
                    Some(Custom::read(name, value))
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn evidence(&self) -> Vec<Evidence> {
        self.customs()
            .into_iter()
            .filter_map(|custom| {
                if let Custom::Evidence(e) = custom {
                    Some(e)
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn notices(&self) -> Vec<(String, String)> {
        self.customs()
            .into_iter()
            .filter_map(|custom| {
                if let Custom::Notice(n) = custom {
                    Some((n.code, n.message))
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn tools_called(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::ToolCallStart { tool_call_name, .. } => Some(tool_call_name.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn messages(&self) -> Vec<Message> {
        self.entries
            .iter()
            .filter_map(|entry| {
                if let Entry::Message(m) = entry {
                    Some(m.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn error(&self) -> Option<(String, String)> {
        match self.events.last() {
            Some(Event::RunError { message, code, .. }) => {
                Some((code.clone().unwrap(), message.clone()))
            }
            _ => None,
        }
    }
}
