//! Runs on a real log, questions, and what a reader is sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use persai_agent::ports::{
    CallLimits, DataError, DatasourceInfo, Datasources, Model, PromAnswer, PromCall,
};
use persai_protocol::agui::Event;
use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::input::RunAgentInput;
use persai_protocol::rest::{ModelInfo, RunAccepted};
use persai_relay::error::ApiError;
use persai_relay::identity::{Credentials, Owner};
use persai_relay::log::sqlite::SqliteLog;
use persai_relay::log::{EventLog, LogError};
use persai_relay::providers::Models;
use persai_relay::runs::{Resolved, RunSettings, Runs, StreamItem};

pub use crate::models::*;

struct NoDatasources;

impl Datasources for NoDatasources {
    fn describe<'a>(
        &'a self,
        _: &'a DatasourceSelector,
    ) -> BoxFuture<'a, Result<DatasourceInfo, DataError>> {
        Box::pin(std::future::ready(Err(DataError::Unknown)))
    }

    fn prometheus<'a>(
        &'a self,
        _: &'a DatasourceSelector,
        _: PromCall,
        _: CallLimits,
    ) -> BoxFuture<'a, Result<PromAnswer, DataError>> {
        Box::pin(std::future::ready(Err(DataError::Unknown)))
    }
}

pub struct World {
    pub runs: Runs,
    pub log: Arc<SqliteLog>,
    _folder: tempfile::TempDir,
}

pub async fn world(model: Arc<dyn Model>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let (runs, log) = open(&path, model).await;
    World {
        runs,
        log,
        _folder: folder,
    }
}

/// Opens runs on a log; waits for a writer that is still closing it.
pub async fn open(path: &Path, model: Arc<dyn Model>) -> (Runs, Arc<SqliteLog>) {
    for _ in 0..500 {
        match SqliteLog::open(path).await {
            Ok(log) => {
                let log = Arc::new(log);
                return (runs_on(log.clone(), model).await, log);
            }
            Err(LogError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the log stays in use")
}

pub async fn runs_on(log: Arc<dyn EventLog>, model: Arc<dyn Model>) -> Runs {
    let info = ModelInfo {
        id: "m".into(),
        title: "M".into(),
        provider: "test".into(),
        builtin: false,
        sent_to: None,
    };
    let settings = RunSettings {
        max_question_bytes: 1000,
        ..RunSettings::default()
    };
    Runs::open(
        log,
        Arc::new(Models::new(vec![(info, model)], None)),
        settings,
    )
    .await
    .unwrap()
}

pub fn ann() -> Owner {
    Owner::user("ann")
}

pub fn input(conversation: &str, run: &str, question: &str) -> RunAgentInput {
    serde_json::from_value(serde_json::json!({
        "threadId": conversation, "runId": run,
        "messages": [{"id": format!("msg_{run}"), "role": "user", "content": question}],
    }))
    .unwrap()
}

pub fn resolved(model_id: &str) -> Resolved {
    Resolved {
        datasources: vec![],
        datasources_port: Arc::new(NoDatasources),
        model_id: model_id.into(),
    }
}

pub async fn start(runs: &Runs, input: RunAgentInput) -> Result<RunAccepted, ApiError> {
    runs.start(&ann(), Credentials::none(), input, resolved("m"))
        .await
}

/// The next item, within 10 s.
pub async fn next(stream: &mut BoxStream<'static, StreamItem>) -> Option<StreamItem> {
    tokio::time::timeout(Duration::from_secs(10), stream.next())
        .await
        .expect("the stream is silent")
}

/// Everything up to the end of the stream, within 30 s.
pub async fn rest(stream: BoxStream<'static, StreamItem>) -> Vec<StreamItem> {
    tokio::time::timeout(Duration::from_secs(30), stream.collect())
        .await
        .expect("the stream does not end")
}

/// Items until one for which `last` holds, that one included.
pub async fn until(
    stream: &mut BoxStream<'static, StreamItem>,
    last: impl Fn(&StreamItem) -> bool,
) -> Vec<StreamItem> {
    let mut items = Vec::new();
    while let Some(item) = next(stream).await {
        let found = last(&item);
        items.push(item);
        if found {
            return items;
        }
    }
    panic!("the stream ended: {items:?}")
}

pub fn event(item: &StreamItem) -> Event {
    serde_json::from_str(&item.data).unwrap()
}

pub fn ends_run(item: &StreamItem) -> bool {
    event(item).ends_run()
}

pub fn is_custom(item: &StreamItem, expected: &str) -> bool {
    matches!(event(item), Event::Custom { name, .. } if name == expected)
}

/// All text of these items.
pub fn text(items: &[StreamItem]) -> String {
    items
        .iter()
        .filter_map(|item| match event(item) {
            Event::TextMessageContent { delta, .. } => Some(delta),
            _ => None,
        })
        .collect()
}

pub fn seqs(items: &[StreamItem]) -> Vec<u64> {
    items.iter().filter_map(|item| item.seq).collect()
}

/// Panics where seqs do not rise.
pub fn assert_rising(items: &[StreamItem]) {
    let seqs = seqs(items);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

/// Panics where something stays open, comes after the end, or is closed that was not open.
pub fn assert_well_formed(items: &[StreamItem]) {
    let mut open = std::collections::HashSet::new();
    let mut ended = true;
    for item in items.iter().filter(|item| item.seq.is_some()) {
        let event = event(item);
        assert!(
            !ended || matches!(event, Event::RunStarted { .. }),
            "after the end: {event:?}"
        );
        match &event {
            Event::RunStarted { .. } => ended = false,
            Event::TextMessageStart { message_id, .. } => {
                assert!(open.insert(format!("text {message_id}")))
            }
            Event::TextMessageContent { message_id, .. } => {
                assert!(open.contains(&format!("text {message_id}")))
            }
            Event::TextMessageEnd { message_id } => {
                assert!(open.remove(&format!("text {message_id}")))
            }
            Event::ToolCallStart { tool_call_id, .. } => {
                assert!(open.insert(format!("call {tool_call_id}")))
            }
            Event::ToolCallEnd { tool_call_id } => {
                assert!(open.remove(&format!("call {tool_call_id}")))
            }
            Event::StepStarted { step_name } => assert!(open.insert(format!("round {step_name}"))),
            Event::StepFinished { step_name } => {
                assert!(open.remove(&format!("round {step_name}")))
            }
            Event::RunFinished { .. } | Event::RunError { .. } => {
                assert!(open.is_empty(), "open at the end: {open:?}");
                ended = true;
            }
            _ => {}
        }
    }
}

/// A small generator of numbers, the same for the same seed.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// Code of the error that these items end with; panics where they end well.
pub fn last_code(items: &[StreamItem]) -> Option<String> {
    match event(items.iter().rfind(|item| item.seq.is_some()).unwrap()) {
        Event::RunError { code, message, .. } => {
            assert!(message.ends_with('.'), "{message}");
            code
        }
        other => panic!("no error: {other:?}"),
    }
}

/// The items with deltas that follow each other joined, as a fold joins them: what must be the same for every reader.
pub fn merged(items: &[StreamItem]) -> Vec<(Option<u64>, Event)> {
    let mut merged: Vec<(Option<u64>, Event)> = Vec::new();
    for item in items {
        let event = event(item);
        if let Event::TextMessageContent { message_id, delta } = &event
            && let Some((
                seq,
                Event::TextMessageContent {
                    message_id: same,
                    delta: whole,
                },
            )) = merged.last_mut()
            && message_id == same
        {
            whole.push_str(delta);
            *seq = item.seq;
            continue;
        }
        merged.push((item.seq, event));
    }
    merged
}
