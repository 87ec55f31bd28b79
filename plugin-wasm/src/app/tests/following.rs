//! The one stream: lost, let go, opened again.

use serde_json::{Value, json};

use super::world::{World, accepted, body, finished, refused, run_events, text};
use crate::app::{Memo, Memory};
use crate::transport::request::Request;
use crate::view::MessageState;

fn answering() -> (World, Request) {
    let mut world = World::ready();
    world.ask("Why?");
    let (call, request) = world.take("agent");
    world.asked.push((call, request.clone()));
    world.answer("agent", 202, accepted(&request));
    world.open();
    world.alarms.clear();
    world.stream(&run_events(&request, 1));
    world.stream(&[(4, text("One "))]);
    (world, request)
}

fn source(world: &World) -> Option<String> {
    world.shim.messages()[1].source.clone()
}

#[test]
fn a_stream_that_ends_without_the_runs_end_is_followed_from_the_last_seq() {
    let (mut world, request) = answering();
    world.break_stream();
    assert!(world.app().running);
    assert_eq!(
        world.app().activity.as_deref(),
        Some("The connection was lost. Reconnecting")
    );
    assert_eq!(world.trouble(), "", "the first loss is quiet");
    world.ring();
    assert!(world.open().ends_with("/events?after=4"));
    world.stream(&[
        (4, text("One ")),
        (5, text("two.")),
        (6, finished(&request)),
    ]);
    assert_eq!(source(&world).as_deref(), Some("One two."));
    assert_eq!(world.shim.messages()[1].state, MessageState::Settled);
}

#[test]
fn losses_in_a_row_are_told_and_spread_out_until_it_is_back() {
    let (mut world, _) = answering();
    world.break_stream();
    let mut waits = vec![world.ring()];
    for _ in 0..6 {
        world.refuse_stream(502, Value::Null);
        assert_eq!(world.trouble(), "relayUnreachable");
        assert!(
            world
                .app()
                .trouble
                .as_ref()
                .unwrap()
                .retry_in_secs
                .is_some()
        );
        waits.push(world.ring());
    }
    assert!(
        waits[0] <= 500 && waits[6] > 5000 && waits.iter().all(|wait| *wait <= 15_000),
        "{waits:?}"
    );
    world.open();
    assert_eq!(world.trouble(), "");
}

#[test]
fn retry_does_not_wait_for_the_alarm() {
    let (mut world, _) = answering();
    world.break_stream();
    assert_eq!(world.command(json!({"type": "retry"})), None);
    world.open();
    world.ring_all();
    assert_eq!(world.count("/events?"), 2);
}

#[test]
fn a_hidden_tab_lets_go_after_a_while_and_comes_back_where_it_was() {
    let (mut world, request) = answering();
    world.command(json!({"type": "visibility", "hidden": true}));
    assert_eq!(world.streams.len(), 1, "not at once");
    assert_eq!(world.ring(), 30_000);
    assert!(world.streams.is_empty());
    world.ring_all();
    assert!(
        world.streams.is_empty(),
        "nothing brings it back while hidden"
    );
    assert!(world.app().running);
    world.command(json!({"type": "visibility", "hidden": false}));
    assert!(world.open().ends_with("after=4"));
    world.stream(&[(9, finished(&request))]);
    assert!(!world.app().running);
}

#[test]
fn a_tab_that_is_hidden_for_a_moment_keeps_its_stream() {
    let (mut world, _) = answering();
    world.command(json!({"type": "visibility", "hidden": true}));
    world.command(json!({"type": "visibility", "hidden": false}));
    world.ring_all();
    assert_eq!((world.streams.len(), world.count("/events?")), (1, 1));
}

#[test]
fn a_silent_stream_is_dead() {
    let mut world = World::ready();
    world.command(json!({"type": "openConversation", "id": "c1"}));
    world.open();
    assert_eq!(world.ring(), 30_000);
    world.ring();
    assert_eq!(world.streams.len(), 1);
    world.ring();
    assert!(world.streams.is_empty(), "90 s without a heartbeat");
    world.ring();
    assert_eq!(world.open(), "/persai/v1/conversations/c1/events?after=0");
}

#[test]
fn a_client_ahead_of_the_log_reads_everything_again() {
    let (mut world, request) = answering();
    world.break_stream();
    world.ring();
    world.open();
    world.stream_unnumbered(&json!({"type": "CUSTOM", "name": "persai.reset", "value": {"v": 1}}));
    assert!(world.open().ends_with("after=0"));
    world.stream_unnumbered(&json!({"type": "CUSTOM", "name": "persai.reset", "value": {"v": 1}}));
    world.stream(&run_events(&request, 1));
    world.stream(&[(4, text("Only this.")), (5, finished(&request))]);
    assert_eq!(source(&world).as_deref(), Some("Only this."));
    assert_eq!(
        world.count("/events?after=0"),
        2,
        "a second reset at the beginning changes nothing"
    );
}

#[test]
fn a_reload_finds_its_conversation_again() {
    let memory = Memory {
        conversation: Some("c1".into()),
        ..Memory::default()
    };
    let mut world = World::started(memory.clone());
    world.connect(
        json!([{"id": "c1", "title": "Why?", "createdAtMs": 1, "updatedAtMs": 2, "lastSeq": 9}]),
    );
    assert_eq!(world.open(), "/persai/v1/conversations/c1/events?after=0");
    assert_eq!(world.app().conversation_id.as_deref(), Some("c1"));

    let mut world = World::started(memory);
    world.connect(json!([]));
    assert!(world.streams.is_empty());
    assert_eq!(world.memos.last(), Some(&(Memo::Conversation, None)));
}

#[test]
fn a_conversation_that_is_gone_is_told_and_left() {
    let mut world = World::ready();
    world.command(json!({"type": "openConversation", "id": "c1"}));
    world.refuse_stream(404, refused("notFound"));
    assert_eq!(world.trouble(), "notFound");
    assert!(world.streams.is_empty() && world.app().conversation_id.is_none());
    world.ring_all();
    assert_eq!(world.count("/events?"), 1);
    world.ask("A new one");
    assert_ne!(body(&world.take("agent").1)["threadId"], "c1");
}

#[test]
fn a_new_conversation_leaves_the_old_one_running() {
    let (mut world, _) = answering();
    world.command(json!({"type": "newConversation"}));
    assert!(world.streams.is_empty());
    assert!(world.app().messages.is_empty() && world.app().can_send);
    assert_eq!(world.app().suggestions.len(), 4);
    assert_eq!(world.shim.nodes.len(), 1, "only the app is left");
    assert!(world.shim.trees.is_empty());
    assert_eq!(world.count("/cancel"), 0);
}

#[test]
fn the_end_of_a_run_refreshes_the_list() {
    let (mut world, request) = answering();
    world.answer(
        "/persai/v1/conversations",
        200,
        json!({"conversations": []}),
    );
    world.stream(&[(5, finished(&request))]);
    world.answer("/persai/v1/conversations", 200, json!({"conversations": [{"id": "c9", "title": "Why?",
        "createdAtMs": 1, "updatedAtMs": 2, "lastSeq": 9, "run": {"runId": "r", "state": "running"}}]}));
    let listed = &world.app().conversations[0];
    assert_eq!((listed.id.as_str(), listed.running), ("c9", true));
}

#[test]
fn a_frame_without_end_closes_the_stream() {
    let (mut world, _) = answering();
    let (call, _) = world.streams[0].clone();
    let chunk = vec![b'x'; 9 * 1024 * 1024];
    let _ = world.core.handle(
        crate::app::Input::StreamBytes {
            call,
            bytes: &chunk,
        },
        world.now_ms,
    );
    world.command(json!({"type": "visibility", "hidden": false}));
    assert_eq!(world.count("/events?"), 2);
}
