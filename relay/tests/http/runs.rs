//! A question's life over HTTP, with the built-in engine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::token::{HOUR, token};
use crate::support::{Answer, Relay, question_body, send};

/// `(id, event)` of every frame; comments are left out.
fn frames(answer: &Answer) -> Vec<(Option<u64>, Value)> {
    assert!(!answer.body.contains('\r'));
    answer
        .body
        .split_terminator("\n\n")
        .filter(|frame| !frame.starts_with(':'))
        .map(|frame| {
            let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
            (
                line("id: ").map(|id| id.parse().unwrap()),
                serde_json::from_str(line("data: ").unwrap()).unwrap(),
            )
        })
        .collect()
}

/// Neighbouring deltas joined under the last id, as the log keeps them once a run has ended.
fn folded(frames: Vec<(Option<u64>, Value)>) -> Vec<(Option<u64>, Value)> {
    let mut folded: Vec<(Option<u64>, Value)> = Vec::new();
    for (id, event) in frames {
        match folded.last_mut() {
            Some((last_id, last))
                if event["type"] == "TEXT_MESSAGE_CONTENT" && last["type"] == event["type"] =>
            {
                last["delta"] = json!(format!(
                    "{}{}",
                    last["delta"].as_str().unwrap(),
                    event["delta"].as_str().unwrap()
                ));
                *last_id = id;
            }
            _ => folded.push((id, event)),
        }
    }
    folded
}

fn slow_question(run: &str) -> Value {
    let mut body = question_body("c1", run, "/query up");
    body["forwardedProps"] =
        json!({"persai": {"datasources": [{"kind": "PrometheusDatasource", "name": "slow"}]}});
    body
}

#[tokio::test]
async fn an_ag_ui_client_gets_the_run_as_a_stream() {
    let relay = Relay::start().await;
    let request = relay.post("/persai/v1/agent", &question_body("c1", "r1", "/help"));
    let answer = send(
        request
            .bearer_auth(token("alice", HOUR))
            .header("accept", "text/event-stream"),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    assert_eq!(answer.headers["x-accel-buffering"], "no");
    let frames = frames(&answer);
    let kinds: Vec<&str> = frames
        .iter()
        .map(|(_, event)| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.first(), Some(&"RUN_STARTED"));
    assert_eq!(kinds.last(), Some(&"RUN_FINISHED"), "{kinds:?}");
    assert!(kinds.contains(&"TEXT_MESSAGE_CONTENT"), "{kinds:?}");
    assert!(
        !answer.body.contains(":null"),
        "optional fields are left out"
    );
}

#[tokio::test]
async fn a_repeated_post_replays_the_run_and_a_reader_can_go_on_where_it_was() {
    let relay = Relay::start().await;
    let alice = token("alice", HOUR);
    let first = relay.ask(&alice, "c1", "r1", "/help").await;
    assert_eq!(first.status, 202, "{}", first.body);
    assert_eq!(
        (&first.json()["conversationId"], &first.json()["runId"]),
        (&json!("c1"), &json!("r1"))
    );
    let whole = folded(frames(&relay.run_events(&alice, "r1").await));
    let again = relay.ask(&alice, "c1", "r1", "/help").await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["firstSeq"]),
        (202, &first.json()["firstSeq"])
    );

    let replay = relay
        .post("/persai/v1/agent", &question_body("c1", "r1", "/help"))
        .bearer_auth(&alice);
    assert_eq!(
        folded(frames(
            &send(replay.header("accept", "text/event-stream")).await
        )),
        whole
    );

    let middle = whole[1].0.unwrap();
    let by_query = send(
        relay
            .get(&format!("/persai/v1/runs/r1/events?after={middle}"))
            .bearer_auth(&alice),
    )
    .await;
    let by_header = send(
        relay
            .get("/persai/v1/runs/r1/events")
            .header("last-event-id", middle)
            .bearer_auth(&alice),
    )
    .await;
    assert_eq!(folded(frames(&by_query)), whole[2..]);
    assert_eq!(folded(frames(&by_header)), whole[2..]);

    let list = send(relay.get("/persai/v1/conversations").bearer_auth(&alice))
        .await
        .json();
    assert_eq!(
        list["conversations"][0]["run"],
        json!({"runId": "r1", "state": "finished"})
    );
}

#[tokio::test]
async fn a_vanished_reader_ends_nothing_and_cancel_does() {
    let relay = Relay::start().await;
    let alice = token("alice", HOUR);
    let request = relay
        .post("/persai/v1/agent", &slow_question("r1"))
        .bearer_auth(&alice);
    let stream = request
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    drop(stream);
    tokio::time::sleep(Duration::from_millis(200)).await;

    let state = || async {
        let answer = send(relay.get("/persai/v1/conversations/c1").bearer_auth(&alice)).await;
        answer.json()["run"]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "running");
    let second = send(
        relay
            .post("/persai/v1/agent", &slow_question("r2"))
            .bearer_auth(&alice),
    )
    .await;
    assert_eq!(second.error(), (409, "runActive".to_owned()));
    assert_eq!(second.json()["runId"], "r1");

    let cancel = || {
        send(
            relay
                .post("/persai/v1/runs/r1/cancel", &json!({}))
                .bearer_auth(&alice),
        )
    };
    let cancelled = cancel().await;
    assert_eq!(
        (cancelled.status.as_u16(), &cancelled.json()["state"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.body
    );
    assert_eq!(
        cancel().await.json()["state"],
        "cancelled",
        "a second stop changes nothing"
    );
    let last = frames(&relay.run_events(&alice, "r1").await)
        .pop()
        .unwrap()
        .1;
    assert_eq!(last["type"], "RUN_FINISHED");
    assert_eq!(last["outcome"]["type"], "cancelled");
}

#[tokio::test]
async fn a_conversations_stream_says_when_it_is_live_and_ends_with_the_relay() {
    let relay = Relay::start().await;
    let alice = token("alice", HOUR);
    relay.ask(&alice, "c1", "r1", "/help").await;
    relay.run_events(&alice, "r1").await;
    let reading = tokio::spawn(send(
        relay
            .get("/persai/v1/conversations/c1/events")
            .bearer_auth(&alice),
    ));
    tokio::time::sleep(Duration::from_millis(300)).await;
    relay.state.shutdown.cancel();
    let frames = frames(
        &tokio::time::timeout(Duration::from_secs(5), reading)
            .await
            .unwrap()
            .unwrap(),
    );
    let (id, last) = frames.last().unwrap();
    assert_eq!(
        (id, &last["name"]),
        (&None, &json!("persai.caughtUp")),
        "{last}"
    );
}
