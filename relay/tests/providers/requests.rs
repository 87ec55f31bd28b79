//! What is sent: histories, calls and results, replays.

use persai_agent::message::{ContentBlock, Message, Role, ToolResult};
use persai_agent::ports::{ModelErrorKind, ModelEvent, ToolChoice};

use crate::support::*;

fn history() -> Vec<Message> {
    let call = |id: &str, query: &str| ContentBlock::ToolCall {
        id: id.into(),
        name: "query_metrics".into(),
        arguments: format!("{{\"query\":\"{query}\"}}"),
    };
    let result = |id: &str, content: &str, is_error| {
        ContentBlock::ToolResult(ToolResult {
            tool_call_id: id.into(),
            content: content.into(),
            is_error,
            structured: Some(serde_json::json!({"secret": "structured"})),
        })
    };
    let text = |text: &str| ContentBlock::Text { text: text.into() };
    let message = |role, blocks| Message {
        role,
        blocks,
        replay: None,
    };
    vec![
        user("a question whose run failed"),
        user("and the next"),
        message(
            Role::Assistant,
            vec![
                ContentBlock::Reasoning {
                    text: "HIDDEN".into(),
                },
                text("I look."),
                call("1", "up"),
                call("2", "down"),
            ],
        ),
        message(
            Role::User,
            vec![
                result("1", "3 series", false),
                result("2", "Error: no such metric", true),
            ],
        ),
    ]
}

#[tokio::test]
async fn a_history_goes_out_with_calls_and_results_paired_and_no_reasoning() {
    let server = Server::start(sse(&chunks(&[&finish("stop")]))).await;
    let mut request = ask(history());
    request.tool_choice = ToolChoice::None;
    events(model(server.port).as_ref(), request).await;
    let sent = server.body();
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
    assert_eq!(
        messages[2]["tool_calls"][1]["id"],
        messages[4]["tool_call_id"]
    );
    assert_eq!(
        messages[2]["tool_calls"][0]["function"]["arguments"],
        "{\"query\":\"up\"}"
    );
    assert!(messages[4].to_string().contains("Error: no such metric"));
    assert_eq!(sent["tool_choice"], "none");
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
    let all = sent.to_string();
    assert!(
        !all.contains("HIDDEN")
            && !all.contains("structured")
            && !all.contains("No result provided"),
        "{all}"
    );
}

#[tokio::test]
async fn a_history_that_does_not_pair_is_refused_and_not_sent() {
    let server = Server::start(sse(&chunks(&[&finish("stop")]))).await;
    let mut orphan = history();
    orphan.remove(2);
    let mut open = history();
    open.pop();
    for messages in [orphan, open] {
        let events = events(model(server.port).as_ref(), ask(messages)).await;
        assert_eq!(error(&events).kind, ModelErrorKind::InvalidRequest);
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn an_answer_is_replayed_at_its_own_provider_and_ids_still_match() {
    let start = r#""id":"functions.x:0","type":"function","function":{"name":"query_metrics","arguments":"{\"query\": \"up\"}"}"#;
    let body = chunks(&[
        &delta(r#"{"content":"I look."}"#),
        &call_delta(r#""index":0,"#, start),
        &finish("tool_calls"),
    ]);
    let (events, _) = answer(sse(&body)).await;
    let Some(ModelEvent::End {
        replay: Some(replay),
        ..
    }) = events.last()
    else {
        panic!("{events:?}")
    };
    let Some(ModelEvent::ToolCallEnd {
        id,
        name,
        arguments,
        ..
    }) = events
        .iter()
        .find(|event| matches!(event, ModelEvent::ToolCallEnd { .. }))
    else {
        panic!("{events:?}")
    };
    let blocks = vec![
        ContentBlock::Text {
            text: "I look.".into(),
        },
        ContentBlock::ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
        },
    ];
    let result = ContentBlock::ToolResult(ToolResult {
        tool_call_id: id.clone(),
        content: "3 series".into(),
        is_error: false,
        structured: None,
    });
    let messages = |replay: Option<_>| {
        vec![
            user("hi"),
            Message {
                role: Role::Assistant,
                blocks: blocks.clone(),
                replay,
            },
            Message {
                role: Role::User,
                blocks: vec![result.clone()],
                replay: None,
            },
        ]
    };
    let mut foreign = replay.clone();
    foreign.provider = "other".into();
    for (replay, expected) in [
        (Some(replay.clone()), "functions.x:0"),
        (None, id.as_str()),
        (Some(foreign), id.as_str()),
    ] {
        let server = Server::start(sse(&chunks(&[&finish("stop")]))).await;
        crate::support::events(model(server.port).as_ref(), ask(messages(replay))).await;
        let sent = server.body();
        assert_eq!(sent["messages"][2]["tool_calls"][0]["id"], expected);
        assert_eq!(sent["messages"][3]["tool_call_id"], expected);
        assert!(sent["messages"][3].to_string().contains("3 series"));
    }
}
