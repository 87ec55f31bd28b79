//! AG-UI's order, as the official client checks it, and our own rules on top.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use persai_protocol::agui::Event;
use persai_protocol::custom::Custom;
use persai_protocol::id::is_valid_id;

/// Panics where `events` (all after `RUN_STARTED`) break a rule.
pub fn check(events: &[Event]) {
    let mut texts: HashSet<&str> = HashSet::new();
    let mut calls: HashSet<&str> = HashSet::new();
    let mut ended_calls: HashSet<&str> = HashSet::new();
    let mut used_texts: HashSet<&str> = HashSet::new();
    let mut outcomes: HashSet<String> = HashSet::new();
    let mut settled: HashSet<&str> = HashSet::new();
    let mut step: Option<&str> = None;
    let mut ended = false;
    for (at, event) in events.iter().enumerate() {
        assert!(!ended, "event {at} after the end of the run: {event:?}");
        assert!(
            !serde_json::to_string(event).unwrap().contains(":null"),
            "null in {event:?}"
        );
        match event {
            Event::StepStarted { step_name } => {
                assert!(step.is_none(), "a step is open");
                step = Some(step_name);
            }
            Event::StepFinished { step_name } => {
                assert_eq!(step.take(), Some(step_name.as_str()));
            }
            Event::TextMessageStart { message_id, .. } => {
                assert!(is_valid_id(message_id) && step.is_some() && texts.is_empty());
                assert!(used_texts.insert(message_id) && texts.insert(message_id));
            }
            Event::TextMessageContent { message_id, delta } => {
                assert!(texts.contains(message_id.as_str()) && !delta.is_empty());
            }
            Event::TextMessageEnd { message_id } => assert!(texts.remove(message_id.as_str())),
            Event::ToolCallStart {
                tool_call_id,
                tool_call_name,
                ..
            } => {
                assert!(is_valid_id(tool_call_id), "{tool_call_id}");
                assert!(!tool_call_name.is_empty() && step.is_some());
                assert!(
                    !ended_calls.contains(tool_call_id.as_str()),
                    "{tool_call_id} comes twice"
                );
                assert!(calls.insert(tool_call_id));
            }
            Event::ToolCallArgs { tool_call_id, .. } => {
                assert!(calls.contains(tool_call_id.as_str()))
            }
            Event::ToolCallEnd { tool_call_id } => {
                assert!(calls.remove(tool_call_id.as_str()));
                ended_calls.insert(tool_call_id);
            }
            Event::ToolCallResult { tool_call_id, .. } => {
                assert!(
                    ended_calls.contains(tool_call_id.as_str()),
                    "result before the end of {tool_call_id}"
                );
                assert!(
                    outcomes.contains(tool_call_id),
                    "no outcome before the result of {tool_call_id}"
                );
                assert!(
                    settled.insert(tool_call_id),
                    "two results for {tool_call_id}"
                );
            }
            Event::Custom { name, value } => match Custom::read(name, value) {
                Custom::ToolOutcome(outcome) => {
                    assert!(ended_calls.contains(outcome.tool_call_id.as_str()));
                    assert_eq!(outcome.ok, outcome.code.is_none());
                    outcomes.insert(outcome.tool_call_id);
                }
                Custom::Evidence(evidence) => {
                    assert!(
                        !outcomes.contains(&evidence.tool_call_id),
                        "evidence after the outcome"
                    );
                    assert!(ended_calls.contains(evidence.tool_call_id.as_str()));
                }
                Custom::Notice(_) => {}
                other => panic!("the agent does not send {other:?}"),
            },
            Event::RunFinished { .. } | Event::RunError { .. } => {
                assert!(
                    texts.is_empty() && calls.is_empty() && step.is_none(),
                    "open parts at the end: {events:#?}"
                );
                ended = true;
            }
            other => panic!("the agent does not send {other:?}"),
        }
    }
    assert!(ended, "the run has no end: {events:#?}");
    assert_eq!(settled.len(), ended_calls.len(), "calls without a result");
}
