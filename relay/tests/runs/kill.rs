//! The process dies: everything that was sent is there, and the next start gives every run its end.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use persai_protocol::agui::{Event, MessageRole, Outcome};
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::RunState;
use persai_relay::log::sqlite::SqliteLog;
use persai_relay::log::{Batch, ConversationKey, Durability, EventLog, NewRecord, RunChange};
use persai_relay::runs::StreamItem;

use crate::support::*;

const CHILD: &str = "PERSAI_TEST_KILLED_LOG";

/// The process that is killed: starts a run and prints every event that a reader was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else {
        return;
    };
    let model = Arc::new(TalkingModel {
        parts: 100_000,
        pause: Duration::from_millis(3),
    });
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
            .args([
                "--exact",
                "kill::child_that_is_killed",
                "--nocapture",
                "--test-threads=1",
            ])
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
            let Some((_, item)) = line.split_once("EVENT ") else {
                continue;
            };
            let (seq, data) = item.split_once(' ').unwrap();
            sent.push(StreamItem {
                seq: Some(seq.parse().unwrap()),
                data: data.into(),
            });
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
        assert!(
            text(&items).starts_with(&text(&sent)),
            "{} then {}",
            text(&sent),
            text(&items)
        );
        assert!(
            talk(100_000).starts_with(&text(&items)),
            "nothing twice, nothing left out"
        );
        assert_eq!(last_code(&items), Some(ErrorCode::RelayRestarted.as_wire()));
        // A reader that comes back with its last seq gets the rest and no more.
        let after = sent.last().unwrap().seq;
        let more = rest(runs.follow_run(&ann(), "r1", after).await.unwrap()).await;
        assert_eq!(text(&sent) + &text(&more), text(&items));
        assert_eq!(
            runs.get(&ann(), "c1").await.unwrap().run.unwrap().state,
            RunState::Failed
        );
        assert!(
            start(&runs, input("c1", "r2", "go on")).await.is_ok(),
            "the conversation is free again"
        );
    }
}

async fn leave(log: &SqliteLog, events: Vec<Event>, cancel: bool) {
    let conversation = ConversationKey {
        owner: "u:ann".into(),
        id: "c1".into(),
    };
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
    let change = RunChange::Start {
        title: "t".into(),
        parent_run_id: None,
    };
    log.append(batch(&[started], Some(change))).await.unwrap();
    log.append(batch(&events, None)).await.unwrap();
    if cancel {
        log.append(batch(&[], Some(RunChange::CancelAsked)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn recovery_closes_every_open_part_innermost_first() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(
        SqliteLog::open(&folder.path().join("log.db"))
            .await
            .unwrap(),
    );
    let text_start = |id: &str| Event::TextMessageStart {
        message_id: id.into(),
        role: MessageRole::Assistant,
    };
    let call = |id: &str| Event::ToolCallStart {
        tool_call_id: id.into(),
        tool_call_name: "t".into(),
        parent_message_id: None,
    };
    let open = vec![
        Event::StepStarted {
            step_name: "round-1".into(),
        },
        text_start("m1"),
        Event::TextMessageEnd {
            message_id: "m1".into(),
        },
        call("a"),
        call("b"),
        Event::ToolCallEnd {
            tool_call_id: "a".into(),
        },
        text_start("m2"),
    ];
    leave(&log, open, false).await;
    let (model, _gate) = GatedModel::new();
    let runs = runs_on(log, model).await;
    let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_well_formed(&items);
    let ends: Vec<Event> = items[8..].iter().map(event).collect();
    assert_eq!(
        ends[0],
        Event::TextMessageEnd {
            message_id: "m2".into()
        }
    );
    assert_eq!(
        ends[1],
        Event::ToolCallEnd {
            tool_call_id: "b".into()
        }
    );
    assert_eq!(
        ends[2],
        Event::StepFinished {
            step_name: "round-1".into()
        }
    );
    assert_eq!(ends.len(), 4);
    assert_eq!(last_code(&items), Some(ErrorCode::RelayRestarted.as_wire()));
}

#[tokio::test]
async fn a_cancel_that_was_written_before_the_crash_holds() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(
        SqliteLog::open(&folder.path().join("log.db"))
            .await
            .unwrap(),
    );
    leave(
        &log,
        vec![Event::StepStarted {
            step_name: "round-1".into(),
        }],
        true,
    )
    .await;
    let (model, _gate) = GatedModel::new();
    let runs = runs_on(log, model).await;
    let items = rest(runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    let last = event(items.last().unwrap());
    assert!(
        matches!(
            last,
            Event::RunFinished {
                outcome: Some(Outcome::Cancelled),
                ..
            }
        ),
        "{last:?}"
    );
    assert_eq!(
        runs.get(&ann(), "c1").await.unwrap().run.unwrap().state,
        RunState::Cancelled
    );
}
