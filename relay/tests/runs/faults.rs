//! A task panics, the disk refuses, the relay is told to stop: every run gets an honest end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::ConversationSummary;
use persai_relay::log::sqlite::SqliteLog;
use persai_relay::log::{
    Batch, ConversationKey, EventLog, Follower, LogError, Record, RunRow, Slice,
};

use crate::support::*;

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

#[tokio::test]
async fn a_drain_lets_runs_end_and_ends_the_rest_honestly() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = world
        .runs
        .follow_conversation(&ann(), "c1", None)
        .await
        .unwrap();
    gate.say("half ");
    until(&mut reader, |item| {
        text(std::slice::from_ref(item)) == "half "
    })
    .await;
    let begun = Instant::now();
    world.runs.drain().await;
    assert!(begun.elapsed() < Duration::from_secs(8));
    let items = rest(reader).await;
    assert_eq!(
        last_code(&items),
        Some(ErrorCode::RelayRestarted.as_wire()),
        "the end was sent before the close"
    );
    let whole = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_well_formed(&whole);
    assert_eq!(text(&whole), "half ");
}

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
            return Box::pin(std::future::ready(Err(LogError::Unavailable(
                "the disk is full".into(),
            ))));
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
    fn run<'a>(
        &'a self,
        owner: &'a str,
        run_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RunRow>, LogError>> {
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
    let log = Arc::new(FailingLog::new(
        SqliteLog::open(&folder.path().join("log.db"))
            .await
            .unwrap(),
    ));
    let (model, mut gate) = GatedModel::new();
    let runs = runs_on(log.clone(), model).await;
    start(&runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = runs.follow_run(&ann(), "r1", None).await.unwrap();
    gate.say("kept ");
    let mut items = until(&mut reader, |item| {
        text(std::slice::from_ref(item)) == "kept "
    })
    .await;
    log.failing.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        gate.say("lost ");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    tokio::time::timeout(Duration::from_secs(5), gate.closed(1))
        .await
        .expect("the model goes on");
    let error = start(&runs, input("c2", "r2", "q")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageUnavailable);
    assert!(
        !error.message.contains("disk"),
        "the cause is the operator's"
    );
    log.failing.store(false, Ordering::SeqCst);
    items.extend(rest(reader).await);
    assert_well_formed(&items);
    assert_eq!(
        text(&items),
        "kept ",
        "nothing that is not in the log was sent"
    );
    assert_eq!(
        last_code(&items),
        Some(ErrorCode::StorageUnavailable.as_wire())
    );
}

/// Each append of a whole run fails once; whichever it is, nobody hangs and no event is sent that is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_append_may_fail_once() {
    let mut failed = 0;
    for n in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(FailingLog::new(
            SqliteLog::open(&folder.path().join("log.db"))
                .await
                .unwrap(),
        ));
        log.fail_at.store(n, Ordering::SeqCst);
        let model = Arc::new(TalkingModel {
            parts: 8,
            pause: Duration::from_millis(10),
        });
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
