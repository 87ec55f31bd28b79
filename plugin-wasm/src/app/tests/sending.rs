//! A question on its way, and its stop.

use serde_json::json;

use super::world::{AT, World, accepted, body, finished, refused, run_events, text};
use crate::view::{MessageState, Speaker};

/// A question that is being answered.
fn answering() -> (World, crate::transport::request::Request) {
    let mut world = World::ready();
    world.ask("Why?");
    let (call, request) = world.take("agent");
    world.asked.push((call, request.clone()));
    world.answer("agent", 202, accepted(&request));
    world.open();
    world.stream(&run_events(&request, 1));
    (world, request)
}

#[test]
fn a_question_carries_what_the_page_knows() {
    let mut world = World::ready();
    world.command(json!({"type": "setSuggestedStep", "stepMs": 15_000}));
    world.ask("  Why?  ");
    let input = body(&world.take("agent").1);
    assert_eq!(input["messages"][0]["content"], "Why?");
    assert_eq!(input["state"], json!({}));
    assert_eq!(input.get("parentRunId"), None);
    assert_eq!(
        input["forwardedProps"]["persai"],
        json!({"datasources": [{"kind": "PrometheusDatasource", "name": "main"}],
            "timeRange": {"startMs": AT - 3_600_000, "endMs": AT}, "utcOffsetMinutes": 345, "model": "builtin",
            "suggestedStepMs": 15_000})
    );
    for id in [
        &input["threadId"],
        &input["runId"],
        &input["messages"][0]["id"],
    ] {
        assert!(
            persai_protocol::id::is_valid_id(id.as_str().unwrap()),
            "{id}"
        );
    }
    let app = world.app();
    assert!(app.running && !app.can_send && app.suggestions.is_empty());
    assert_eq!(world.shim.messages()[0].state, MessageState::Sending);
}

#[test]
fn an_answer_streams_in_and_the_next_question_is_its_child_on_the_same_stream() {
    let (mut world, request) = answering();
    world.stream(&[(4, text("Because **x**."))]);
    assert_eq!(world.app().activity.as_deref(), Some("Writing the answer"));
    world.stream(&[
        (5, json!({"type": "TEXT_MESSAGE_END", "messageId": "a"})),
        (6, finished(&request)),
    ]);
    let states: Vec<_> = world
        .shim
        .messages()
        .iter()
        .map(|m| (m.from, m.state))
        .collect();
    assert_eq!(
        states,
        [
            (Speaker::User, MessageState::Settled),
            (Speaker::Assistant, MessageState::Settled)
        ]
    );
    assert!(world.app().can_send && !world.app().running);

    world.ask("And then?");
    let (_, second) = world.take("agent");
    assert_eq!(body(&second)["parentRunId"], body(&request)["runId"]);
    assert_eq!(body(&second)["threadId"], body(&request)["threadId"]);
    assert_eq!(
        world.count("/events?"),
        1,
        "one stream for the whole conversation"
    );
}

#[test]
fn a_post_that_fails_is_repeated_with_the_same_run_then_left_to_the_user() {
    let mut world = World::ready();
    world.ask("Why?");
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(world.asked.last().unwrap().1.body.clone());
        world.fail("agent");
        if !world.alarms.is_empty() {
            assert_eq!(world.shim.messages()[0].state, MessageState::Sending);
            world.ring();
        }
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let question = world.shim.messages()[0];
    assert_eq!(
        (
            question.state,
            question.trouble.as_ref().unwrap().code.as_str()
        ),
        (MessageState::Failed, "relayUnreachable")
    );
    assert!(world.app().can_send);
    world.command(json!({"type": "retry"}));
    assert_eq!(world.take("agent").1.body, bodies[0]);
    assert_eq!(world.app().messages.len(), 1, "it is the same question");
}

#[test]
fn a_limit_is_waited_for() {
    let mut world = World::ready();
    world.ask("Why?");
    world.answer(
        "agent",
        429,
        json!({"code": "rateLimited", "message": "Slow down.", "retryAfterSecs": 7}),
    );
    let question = world.shim.messages()[0];
    assert_eq!(
        (
            question.state,
            question.trouble.as_ref().unwrap().retry_in_secs
        ),
        (MessageState::Sending, Some(7))
    );
    assert_eq!(world.ring(), 7000);
    world.take("agent");
    assert_eq!(world.shim.messages()[0].trouble, None);
}

#[test]
fn a_refusal_is_shown_at_the_question_and_changes_nothing_else() {
    let mut world = World::ready();
    world.ask("Why?");
    world.answer("agent", 400, refused("unknownModel"));
    let question = world.shim.messages()[0];
    assert_eq!(
        (
            question.state,
            question.trouble.as_ref().unwrap().why.as_str()
        ),
        (MessageState::Failed, "The relay's words.")
    );
    assert!(world.app().can_send && world.alarms.is_empty());
}

#[test]
fn the_run_of_another_tab_is_followed_and_the_question_stays_to_be_sent() {
    let (mut world, request) = answering();
    world.stream(&[(6, finished(&request))]);
    world.ask("Second?");
    world.answer(
        "agent",
        409,
        json!({"code": "runActive", "message": "m", "runId": "theirs"}),
    );
    let last = world.shim.messages().last().copied().unwrap();
    assert_eq!(
        (last.state, last.trouble.as_ref().unwrap().code.as_str()),
        (MessageState::Failed, "runActive")
    );
    world.stream(&[(
        7,
        json!({"type": "RUN_STARTED", "threadId": "c", "runId": "theirs"}),
    )]);
    assert!(world.app().running);
    world.stream(&[(
        8,
        json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "theirs"}),
    )]);
    assert_eq!(world.command(json!({"type": "retry"})), None);
    assert_eq!(
        body(&world.take("agent").1)["messages"][0]["content"],
        "Second?"
    );
}

#[test]
fn our_own_run_in_the_way_is_our_run() {
    let mut world = World::ready();
    world.ask("Why?");
    let (call, request) = world.take("agent");
    world.asked.push((call, request.clone()));
    world.answer(
        "agent",
        409,
        json!({"code": "runActive", "message": "m", "runId": body(&request)["runId"]}),
    );
    assert!(world.app().running);
    world.open();
}

#[test]
fn a_failed_answer_can_be_asked_for_again_as_a_new_run() {
    let (mut world, request) = answering();
    world.stream(&[(
        5,
        json!({"type": "RUN_ERROR", "message": "It broke.", "code": "providerError"}),
    )]);
    assert_eq!(world.command(json!({"type": "retry"})), None);
    let second = body(&world.take("agent").1);
    assert_eq!(second["messages"][0]["content"], "Why?");
    assert_ne!(second["runId"], body(&request)["runId"]);
    assert_eq!(
        second.get("parentRunId"),
        None,
        "a failed run has no children"
    );
}

#[test]
fn stop_cancels_the_run_and_says_so_until_it_has_ended() {
    let (mut world, request) = answering();
    assert_eq!(world.command(json!({"type": "stop"})), None);
    assert_eq!(world.app().activity.as_deref(), Some("Stopping"));
    world.command(json!({"type": "stop"}));
    let run = body(&request)["runId"].as_str().unwrap().to_owned();
    assert_eq!(world.count("/cancel"), 1);
    let cancel = world.answer("cancel", 200, json!({"runId": run, "state": "cancelled"}));
    assert_eq!(
        (cancel.url, cancel.body.as_deref()),
        (format!("/persai/v1/runs/{run}/cancel"), Some("{}"))
    );
    world.stream(&[(5, json!({"type": "RUN_FINISHED", "threadId": "c", "runId": run, "outcome": {"type": "cancelled"}}))]);
    assert_eq!(world.shim.messages()[1].state, MessageState::Stopped);
    assert_eq!(
        (world.app().activity.as_deref(), world.app().running),
        (None, false)
    );
    assert!(world.command(json!({"type": "stop"})).is_some());
}

#[test]
fn a_stop_before_the_relay_has_the_question_is_not_lost() {
    let mut world = World::ready();
    world.ask("Why?");
    world.command(json!({"type": "stop"}));
    let (call, request) = world.take("agent");
    world.asked.push((call, request.clone()));
    world.answer("agent", 202, accepted(&request));
    assert_eq!(world.count("/cancel"), 1);

    let mut world = World::ready();
    world.ask("Why?");
    world.fail("agent");
    world.command(json!({"type": "stop"}));
    assert_eq!(world.shim.messages()[0].state, MessageState::Stopped);
    assert_eq!(world.count("/cancel"), 1, "an earlier try may have arrived");
    world.ring_all();
    assert_eq!(world.count("/agent"), 1);
}

#[test]
fn a_stop_that_does_not_arrive_is_told() {
    let (mut world, _) = answering();
    world.command(json!({"type": "stop"}));
    world.fail("cancel");
    assert_eq!(world.trouble(), "stopFailed");
    assert!(world.app().running);
    assert_eq!(world.command(json!({"type": "stop"})), None);
    assert_eq!(world.trouble(), "");
}

#[test]
fn what_cannot_be_asked_is_answered_in_words() {
    let mut world = World::ready();
    for bad in ["", " \n ", &"x".repeat(1001)] {
        assert!(world.command(json!({"type": "ask", "text": bad})).is_some());
    }
    world.ask("Why?");
    assert!(
        world
            .command(json!({"type": "ask", "text": "again"}))
            .is_some()
    );
    assert!(
        world
            .command(json!({"type": "openConversation", "id": "../x"}))
            .is_some()
    );
    assert_eq!(world.count("/agent"), 1);
}
