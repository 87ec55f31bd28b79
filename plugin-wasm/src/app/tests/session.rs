//! Tokens that Perses no longer takes: one refresh, one repetition, no storm.

use serde_json::{Value, json};

use super::world::{World, accepted, capabilities, refused};
use crate::app::Memory;
use crate::view::MessageState;

fn asking_who_we_are() -> World {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 404, Value::Null);
    world.answer("capabilities", 200, capabilities("perses"));
    world
}

#[test]
fn an_expired_token_is_refreshed_once_and_nothing_is_seen_of_it() {
    let mut world = asking_who_we_are();
    world.answer("conversations", 403, refused("persesTokenExpired"));
    let refresh = world.answer("/api/auth/refresh", 200, json!({}));
    assert!(refresh.body.is_none());
    world.answer("conversations", 200, json!({"conversations": []}));
    assert_eq!(world.trouble(), "");
    world.answer("globaldatasources", 200, json!([]));
}

#[test]
fn a_lasting_refusal_makes_two_requests_and_no_more() {
    let mut world = asking_who_we_are();
    world.answer("conversations", 403, refused("persesTokenExpired"));
    world.answer("/api/auth/refresh", 200, json!({}));
    world.answer("conversations", 403, refused("persesTokenExpired"));
    assert_eq!(world.trouble(), "signInAgain");
    assert!(!world.app().can_send);

    world.ring_all();
    world.command(json!({"type": "visibility", "hidden": true}));
    world.ring_all();
    world.command(json!({"type": "visibility", "hidden": false}));
    world.command(json!({"type": "openConversation", "id": "c1"}));
    assert!(
        world
            .command(json!({"type": "ask", "text": "Why?"}))
            .is_some()
    );
    assert_eq!(world.count("/persai/v1/conversations"), 2);
    assert_eq!(world.count("/api/auth/refresh"), 1);
    assert_eq!(
        world.count("globaldatasources"),
        0,
        "Perses would repeat its refusal many times"
    );
    assert!(world.asked.is_empty() && world.streams.is_empty());
}

#[test]
fn a_refresh_that_fails_makes_one_request_and_a_retry_begins_anew() {
    let mut world = asking_who_we_are();
    world.answer("conversations", 403, refused("persesTokenExpired"));
    world.answer("/api/auth/refresh", 400, Value::Null);
    assert_eq!(
        (world.trouble(), world.count("/persai/v1/conversations")),
        ("signInAgain", 1)
    );

    assert_eq!(world.command(json!({"type": "retry"})), None);
    assert_eq!(world.trouble(), "");
    world.answer("conversations", 200, json!({"conversations": []}));
    world.answer("globaldatasources", 200, json!([]));
    world.answer("plugins", 200, json!([]));
    assert!(world.app().can_send);
}

#[test]
fn a_question_waits_for_the_refresh_and_is_sent_once_more() {
    let mut world = World::ready();
    world.ask("Why?");
    let first = world.answer("agent", 403, refused("persesTokenExpired"));
    world.answer("/api/auth/refresh", 200, json!({}));
    let second = world.take("agent");
    assert_eq!(first, second.1, "the same run");
    world.asked.push(second);
    world.answer("agent", 202, accepted(&first));
    assert_eq!(world.open().rsplit('/').next(), Some("events?after=0"));
}

#[test]
fn a_question_that_stays_refused_is_kept_and_sent_after_signing_in() {
    let mut world = World::ready();
    world.ask("Why?");
    let first = world.answer("agent", 403, refused("persesTokenExpired"));
    world.answer("/api/auth/refresh", 200, json!({}));
    world.answer("agent", 403, refused("persesTokenExpired"));
    let question = world.shim.messages()[0];
    assert_eq!(
        (
            question.state,
            question.trouble.as_ref().unwrap().code.as_str()
        ),
        (MessageState::Failed, "signInAgain")
    );
    assert_eq!(world.count("/agent"), 2);

    assert_eq!(world.command(json!({"type": "retry"})), None);
    assert_eq!(
        world.take("agent").1.body,
        first.body,
        "the same run, so that it can't be run twice"
    );
}

#[test]
fn calls_that_are_refused_together_share_one_refresh() {
    let mut world = World::ready();
    world.command(json!({"type": "openConversation", "id": "c1"}));
    world.command(json!({"type": "visibility", "hidden": false}));
    world.refuse_stream(403, refused("persesTokenExpired"));
    world.answer("conversations", 403, refused("persesTokenExpired"));
    assert_eq!(world.count("/api/auth/refresh"), 1);
    world.answer("/api/auth/refresh", 200, json!({}));
    assert_eq!(world.open(), "/persai/v1/conversations/c1/events?after=0");
    world.answer("conversations", 200, json!({"conversations": []}));
    assert_eq!(world.trouble(), "");
}
