//! What can go wrong under a run: the process dies, a task panics, the disk refuses, the relay is told to stop. Every
//! run gets an honest end, and nothing that was sent is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod runs_support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use persai_protocol::agui::{Event, MessageRole, Outcome};
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::{ConversationSummary, RunState};
use persai_relay::log::sqlite::SqliteLog;
use persai_relay::log::{
    Batch, ConversationKey, Durability, EventLog, Follower, LogError, NewRecord, Record, RunChange, RunRow, Slice,
};
use persai_relay::runs::StreamItem;
use runs_support::*;

fn last_code(items: &[StreamItem]) -> Option<String> {
    match event(items.iter().rfind(|item| item.seq.is_some()).unwrap()) {
        Event::RunError { code, message, .. } => {
            assert!(message.ends_with('.'), "{message}");
            code
        }
        other => panic!("no error: {other:?}"),
    }
}

// --- the process dies ----------------------------------------------------------------------------------------------

const CHILD: &str = "PERSAI_TEST_KILLED_LOG";

/// The process that is killed: starts a run and prints every event that a reader was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let model = Arc::new(TalkingModel { parts: 100_000, pause: Duration::from_millis(3) });
    let (runs, _log) = open(path.as_ref(), model).await;
    start(&runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = runs.follow_run(&ann(), "r1", None).await.unwrap();
    while let Some(item) = reader.next().await {
        println!("EVENT {} {}", item.seq.unwrap(), item.data);
    }
}

#[tokio::test]
async fn after_kill_9_everything_that_was_sent_is_there_once_and_the_run_has_an_end() {
    for seed in [3u64, 40, 90] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut sent = Vec::new();
        let mut killed = false;
        for line in lines {
            let line = line.unwrap();
            // The test runner's own words may stand on the same line.
            let Some((_, item)) = line.split_once("EVENT ") else { continue };
            let (seq, data) = item.split_once(' ').unwrap();
            sent.push(StreamItem { seq: Some(seq.parse().unwrap()), data: data.into() });
            if sent.len() as u64 >= seed && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(sent.len() as u64 >= seed);

        let (model, _gate) = GatedModel::new();
        let (runs, _log) = open(&path, model).await;
        let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
        assert_rising(&items);
        assert_well_formed(&items);
        assert!(text(&items).starts_with(&text(&sent)), "{} then {}", text(&sent), text(&items));
        assert!(talk(100_000).starts_with(&text(&items)), "nothing twice, nothing left out");
        assert_eq!(last_code(&items), Some(ErrorCode::RelayRestarted.as_wire()));
        // A reader that comes back with its last seq gets the rest and no more.
        let after = sent.last().unwrap().seq;
        let more = rest(runs.follow_run(&ann(), "r1", after).await.unwrap()).await;
        assert_eq!(text(&sent) + &text(&more), text(&items));
        assert_eq!(runs.get(&ann(), "c1").await.unwrap().run.unwrap().state, RunState::Failed);
        assert!(start(&runs, input("c1", "r2", "go on")).await.is_ok(), "the conversation is free again");
    }
}

// --- what a crash left ---------------------------------------------------------------------------------------------

async fn leave(log: &SqliteLog, events: Vec<Event>, cancel: bool) {
    let conversation = ConversationKey { owner: "u:ann".into(), id: "c1".into() };
    let batch = |events: &[Event], change| Batch {
        conversation: conversation.clone(),
        run_id: "r1".into(),
        at_ms: 1,
        records: events.iter().map(NewRecord::event).collect(),
        change,
        durability: Durability::Committed,
    };
    let started = Event::RunStarted {
        thread_id: "c1".into(),
        run_id: "r1".into(),
        protocol_version: None,
        parent_run_id: None,
        timestamp: None,
    };
    let change = RunChange::Start { title: "t".into(), parent_run_id: None };
    log.append(batch(&[started], Some(change))).await.unwrap();
    log.append(batch(&events, None)).await.unwrap();
    if cancel {
        log.append(batch(&[], Some(RunChange::CancelAsked))).await.unwrap();
    }
}

#[tokio::test]
async fn recovery_closes_every_open_part_innermost_first() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db")).await.unwrap());
    let text_start = |id: &str| Event::TextMessageStart { message_id: id.into(), role: MessageRole::Assistant };
    let call = |id: &str| Event::ToolCallStart {
        tool_call_id: id.into(),
        tool_call_name: "t".into(),
        parent_message_id: None,
    };
    let open = vec![
        Event::StepStarted { step_name: "round-1".into() },
        text_start("m1"),
        Event::TextMessageEnd { message_id: "m1".into() },
        call("a"),
        call("b"),
        Event::ToolCallEnd { tool_call_id: "a".into() },
        text_start("m2"),
    ];
    leave(&log, open, false).await;
    let (model, _gate) = GatedModel::new();
    let runs = runs_on(log, model).await;
    let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_well_formed(&items);
    let ends: Vec<Event> = items[8..].iter().map(event).collect();
    assert_eq!(ends[0], Event::TextMessageEnd { message_id: "m2".into() });
    assert_eq!(ends[1], Event::ToolCallEnd { tool_call_id: "b".into() });
    assert_eq!(ends[2], Event::StepFinished { step_name: "round-1".into() });
    assert_eq!(ends.len(), 4);
    assert_eq!(last_code(&items), Some(ErrorCode::RelayRestarted.as_wire()));
}

#[tokio::test]
async fn a_cancel_that_was_written_before_the_crash_holds() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db")).await.unwrap());
    leave(&log, vec![Event::StepStarted { step_name: "round-1".into() }], true).await;
    let (model, _gate) = GatedModel::new();
    let runs = runs_on(log, model).await;
    let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    let last = event(items.last().unwrap());
    assert!(matches!(last, Event::RunFinished { outcome: Some(Outcome::Cancelled), .. }), "{last:?}");
    assert_eq!(runs.get(&ann(), "c1").await.unwrap().run.unwrap().state, RunState::Cancelled);
}

// --- a task panics -------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_panic_ends_its_run_and_no_other() {
    let world = world(Arc::new(PanickingModel)).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let items = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_well_formed(&items);
    assert_eq!(text(&items), "before ");
    assert_eq!(last_code(&items), Some(ErrorCode::Internal.as_wire()));
    let shown = format!("{items:?}");
    assert!(!shown.contains("on purpose"), "{shown}");
    assert!(start(&world.runs, input("c1", "r2", "again")).await.is_ok());
}

// --- the relay stops -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_drain_lets_runs_end_and_ends_the_rest_honestly() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = world.runs.follow_conversation(&ann(), "c1", None).await.unwrap();
    gate.say("half ");
    until(&mut reader, |item| text(std::slice::from_ref(item)) == "half ").await;
    let begun = Instant::now();
    world.runs.drain().await;
    assert!(begun.elapsed() < Duration::from_secs(8));
    let items = rest(reader).await;
    assert_eq!(last_code(&items), Some(ErrorCode::RelayRestarted.as_wire()), "the end was sent before the close");
    let whole = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_well_formed(&whole);
    assert_eq!(text(&whole), "half ");
}

// --- the disk refuses ----------------------------------------------------------------------------------------------

/// A log that fails its appends while it is told to, or from the n-th on.
struct FailingLog {
    inner: SqliteLog,
    failing: AtomicBool,
    fail_at: AtomicUsize,
    appends: AtomicUsize,
}

impl FailingLog {
    fn new(inner: SqliteLog) -> Self {
        Self {
            inner,
            failing: AtomicBool::new(false),
            fail_at: AtomicUsize::new(usize::MAX),
            appends: AtomicUsize::new(0),
        }
    }
}

impl EventLog for FailingLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<u64>, LogError>> {
        let n = self.appends.fetch_add(1, Ordering::SeqCst);
        if self.failing.load(Ordering::SeqCst) || n == self.fail_at.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(LogError::Unavailable("the disk is full".into()))));
        }
        self.inner.append(batch)
    }
    fn read<'a>(&'a self, slice: Slice<'a>) -> BoxFuture<'a, Result<Vec<Record>, LogError>> {
        self.inner.read(slice)
    }
    fn follow(&self, conversation: &ConversationKey) -> Follower {
        self.inner.follow(conversation)
    }
    fn conversations<'a>(
        &'a self,
        owner: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ConversationSummary>, LogError>> {
        self.inner.conversations(owner, limit)
    }
    fn conversation<'a>(
        &'a self,
        key: &'a ConversationKey,
    ) -> BoxFuture<'a, Result<Option<ConversationSummary>, LogError>> {
        self.inner.conversation(key)
    }
    fn run<'a>(&'a self, owner: &'a str, run_id: &'a str) -> BoxFuture<'a, Result<Option<RunRow>, LogError>> {
        self.inner.run(owner, run_id)
    }
    fn unsettled_runs(&self) -> BoxFuture<'_, Result<Vec<RunRow>, LogError>> {
        self.inner.unsettled_runs()
    }
    fn fold<'a>(&'a self, run: &'a RunRow) -> BoxFuture<'a, Result<(), LogError>> {
        self.inner.fold(run)
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_the_run_once_it_can_be_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(FailingLog::new(SqliteLog::open(&folder.path().join("log.db")).await.unwrap()));
    let (model, mut gate) = GatedModel::new();
    let runs = runs_on(log.clone(), model).await;
    start(&runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = runs.follow_run(&ann(), "r1", None).await.unwrap();
    gate.say("kept ");
    let mut items = until(&mut reader, |item| text(std::slice::from_ref(item)) == "kept ").await;
    log.failing.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        gate.say("lost ");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    tokio::time::timeout(Duration::from_secs(5), gate.closed(1)).await.expect("the model goes on");
    let error = start(&runs, input("c2", "r2", "q")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageUnavailable);
    assert!(!error.message.contains("disk"), "the cause is the operator's");
    log.failing.store(false, Ordering::SeqCst);
    items.extend(rest(reader).await);
    assert_well_formed(&items);
    assert_eq!(text(&items), "kept ", "nothing that is not in the log was sent");
    assert_eq!(last_code(&items), Some(ErrorCode::StorageUnavailable.as_wire()));
}

/// Each append of a whole run fails once; whichever it is, nobody hangs and no event is sent that is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_append_may_fail_once() {
    let mut failed = 0;
    for n in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(FailingLog::new(SqliteLog::open(&folder.path().join("log.db")).await.unwrap()));
        log.fail_at.store(n, Ordering::SeqCst);
        let model = Arc::new(TalkingModel { parts: 8, pause: Duration::from_millis(10) });
        let runs = runs_on(log.clone(), model).await;
        match start(&runs, input("c1", "r1", "q")).await {
            Err(error) => assert_eq!((n, error.code), (0, ErrorCode::StorageUnavailable)),
            Ok(_) => {
                let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
                assert_well_formed(&items);
                assert!(talk(8).starts_with(&text(&items)));
                let again = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
                assert_eq!(text(&again), text(&items));
            }
        }
        runs.drain().await;
        if log.appends.load(Ordering::SeqCst) <= n {
            break;
        }
        failed += 1;
    }
    println!("appends that failed once: {failed}");
    assert!((5..100).contains(&failed), "{failed}");
}
