//! Wire cases of OpenAI-compatible chat completions, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod providers_support;

use std::time::Duration;

use futures::StreamExt;
use persai_agent::message::{ContentBlock, Message, Role, ToolResult};
use persai_agent::ports::{ModelErrorKind, ModelEvent, StopReason, ToolChoice};
use providers_support::*;

fn call_delta(index: &str, rest: &str) -> String {
    delta(&format!(r#"{{"tool_calls":[{{{index}{rest}}}]}}"#))
}

// --- answers -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn cc_basic() {
    let body = chunks(&[
        &delta(r#"{"role":"assistant","content":""}"#),
        &delta(r#"{"content":"Hel"}"#),
        &delta(r#"{"content":"lo"}"#),
        &finish("stop"),
        USAGE,
    ]);
    let (events, server) = answer(sse(&body)).await;
    assert_eq!(text(&events), "Hello");
    assert_eq!(stop(&events), StopReason::EndTurn);
    assert!(events.contains(&ModelEvent::Usage {
        input_tokens: Some(12),
        output_tokens: Some(3)
    }));

    let sent = server.body();
    assert_eq!(sent["model"], "m1");
    assert_eq!(sent["stream"], true);
    assert_eq!(sent["max_tokens"], 500);
    assert_eq!(
        sent["tools"][0]["function"]["parameters"]["required"][0],
        "query"
    );
    assert!(server.requests()[0].starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
}

#[tokio::test]
async fn usage_that_is_not_told_is_unknown_and_not_zero() {
    let body = chunks(&[&delta(r#"{"content":"x"}"#), &finish("stop")]);
    let (events, _) = answer(sse(&body)).await;
    assert!(events.contains(&ModelEvent::Usage {
        input_tokens: None,
        output_tokens: None
    }));
}

#[tokio::test]
async fn cc_tools_interleaved() {
    let body = chunks(&[
        &call_delta(
            r#""index":0,"#,
            r#""id":"a","type":"function","function":{"name":"query_metrics","arguments":""}"#,
        ),
        &call_delta(
            r#""index":1,"#,
            r#""id":"b","type":"function","function":{"name":"query_metrics","arguments":"{\"qu"}"#,
        ),
        &call_delta(r#""index":0,"#, r#""function":{"arguments":"{\"query\":"}"#),
        &delta(
            r#"{"tool_calls":[{"index":1,"function":{"arguments":"ery\":\"up\"}"}},{"index":0,"function":{"arguments":"\"cpu\"}"}}]}"#,
        ),
        &finish("tool_calls"),
        USAGE,
    ]);
    let (events, _) = answer(sse(&body)).await;
    let mut calls = calls(&events);
    calls.sort();
    assert_eq!(
        calls,
        [
            ("query_metrics".to_owned(), r#"{"query":"cpu"}"#.to_owned()),
            ("query_metrics".to_owned(), r#"{"query":"up"}"#.to_owned()),
        ]
    );
    assert_eq!(stop(&events), StopReason::ToolCalls);
    // Deltas of a part, joined, are its arguments; ids of parts differ.
    let joined: String = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::ToolCallDelta { part: 0, json } => Some(json.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(joined, r#"{"query":"cpu"}"#);
    let ids: std::collections::HashSet<_> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::ToolCallStart { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(
        ids.iter().all(|id| persai_protocol::id::is_valid_id(id)),
        "{ids:?}"
    );
}

#[tokio::test]
async fn cc_args_object_and_empty_and_broken() {
    let one = |arguments: &str| {
        let start = format!(
            r#""id":"a","type":"function","function":{{"name":"query_metrics","arguments":{arguments}}}"#
        );
        chunks(&[&call_delta(r#""index":0,"#, &start), &finish("tool_calls")])
    };
    for (sent, expected) in [
        (r#"{"k":1}"#, r#"{"k":1}"#),
        (r#""""#, "{}"),
        (r#""[1]""#, "[1]"),
    ] {
        let (events, _) = answer(sse(&one(sent))).await;
        assert_eq!(
            calls(&events),
            [("query_metrics".to_owned(), expected.to_owned())],
            "{sent}"
        );
    }
    // What was cut stays no JSON, so that the agent can tell.
    let (events, _) = answer(sse(&one(r#""{\"x\":""#))).await;
    let (_, arguments) = &calls(&events)[0];
    assert!(
        serde_json::from_str::<serde_json::Value>(arguments).is_err(),
        "{arguments}"
    );
}

#[tokio::test]
async fn cc_length_in_call_says_length() {
    let start =
        r#""id":"a","type":"function","function":{"name":"query_metrics","arguments":"{\"x\":"}"#;
    let (events, _) = answer(sse(&chunks(&[
        &call_delta(r#""index":0,"#, start),
        &finish("length"),
    ])))
    .await;
    assert_eq!(stop(&events), StopReason::MaxTokens);
}

#[tokio::test]
async fn cc_refusal_is_shown_and_named() {
    let body = chunks(&[
        &delta(r#"{"refusal":"I can't."}"#),
        &finish("content_filter"),
    ]);
    let (events, _) = answer(sse(&body)).await;
    assert_eq!(text(&events), "I can't.");
    assert_eq!(stop(&events), StopReason::Refusal);
}

#[tokio::test]
async fn cc_no_finish_is_truncated() {
    let body = format!("data: {}\n\n", delta(r#"{"content":"half"}"#));
    let (events, _) = answer(sse(&body)).await;
    assert_eq!(text(&events), "half", "what came is kept");
    assert_eq!(error(&events).kind, ModelErrorKind::Truncated);
}

#[tokio::test]
async fn cc_cut_in_call_is_an_error_by_end_and_by_reset() {
    let start =
        r#""id":"a","type":"function","function":{"name":"query_metrics","arguments":"{\"x\":"}"#;
    let body = format!("{SSE}data: {}\n\n", call_delta(r#""index":0,"#, start));
    let (events, _) = answer(vec![Step::Send(body.clone().into_bytes())]).await;
    assert_eq!(error(&events).kind, ModelErrorKind::Truncated);
    let pause = Step::Wait(Duration::from_millis(50));
    let (events, _) = answer(vec![Step::Send(body.into_bytes()), pause, Step::Reset]).await;
    assert_eq!(error(&events).kind, ModelErrorKind::Truncated);
}

#[tokio::test]
async fn cc_error_event_is_the_last() {
    let body = format!(
        "data: {}\n\ndata: {{\"error\":{{\"message\":\"boom\",\"code\":500}}}}\n\ndata: {}\n\n",
        delta(r#"{"content":"a"}"#),
        delta(r#"{"content":"b"}"#),
    );
    let (events, _) = answer(sse(&body)).await;
    assert_eq!(text(&events), "a");
    let error = error(&events);
    assert!(error.cause.contains("boom"), "{error:?}");
}

// --- bytes ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn sse_bytes_every_byte_its_own_chunk() {
    let body = chunks(&[
        &delta(r#"{"content":"é€"}"#),
        &delta(r#"{"content":"🦀"}"#),
        &finish("stop"),
    ]);
    let script = vec![
        Step::Send(SSE.as_bytes().to_vec()),
        Step::Bytes(body.into_bytes()),
    ];
    let (events, _) = answer(script).await;
    assert_eq!(text(&events), "é€🦀");
    assert_eq!(stop(&events), StopReason::EndTurn);
}

#[tokio::test]
async fn sse_crlf_and_noise() {
    let body = chunks(&[&delta(r#"{"content":"ok"}"#), &finish("stop")]);
    let body = format!(
        "\u{feff}: comment\nid: 7\nretry: 5\n{}",
        body.replace("data: ", "data:")
    );
    let (events, _) = answer(sse(&body.replace('\n', "\r\n"))).await;
    assert_eq!(text(&events), "ok");
    assert_eq!(stop(&events), StopReason::EndTurn);
}

#[tokio::test]
async fn sse_endless_line_is_capped_and_the_connection_closed() {
    let script = vec![
        Step::Send(format!("{SSE}data: \"").into_bytes()),
        Step::Repeat(vec![b'a'; 64 * 1024], 1024),
        Step::Hold,
    ];
    let (events, mut server) = answer(script).await;
    assert_eq!(error(&events).kind, ModelErrorKind::TooLarge);
    tokio::time::timeout(Duration::from_secs(5), server.closed())
        .await
        .expect("still open");
    assert!(
        server.sent_bytes() < 32 * 1024 * 1024,
        "{}",
        server.sent_bytes()
    );
}

#[tokio::test]
async fn sse_bad_utf8_never_reaches_a_call() {
    let mut body = SSE.as_bytes().to_vec();
    let start = r#""id":"a","type":"function","function":{"name":"query_metrics","arguments":"{\"x\":\"@@\"}"}"#;
    let event = chunks(&[&call_delta(r#""index":0,"#, start), &finish("tool_calls")]);
    for byte in event.bytes() {
        body.push(if byte == b'@' { 0xff } else { byte });
    }
    let (events, _) = answer(vec![Step::Send(body)]).await;
    assert_eq!(calls(&events), []);
    assert!(error(&events).cause.contains("UTF-8"));
}

// --- HTTP ----------------------------------------------------------------------------------------------------------

fn status(line: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![Step::Send(
        format!("HTTP/1.1 {line}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}").into_bytes(),
    )]
}

#[tokio::test]
async fn http_4xx_5xx_have_their_kinds() {
    use ModelErrorKind as Kind;
    let json = r#"{"error":{"message":"no","type":"x"}}"#;
    let cases = [
        ("400 Bad Request", Kind::InvalidRequest, false),
        ("401 Unauthorized", Kind::Auth, false),
        ("403 Forbidden", Kind::Auth, false),
        ("404 Not Found", Kind::InvalidRequest, false),
        ("413 Payload Too Large", Kind::ContextTooLong, false),
        ("429 Too Many Requests", Kind::RateLimited, true),
        ("500 Internal Server Error", Kind::Other, true),
        ("503 Service Unavailable", Kind::Overloaded, true),
        ("529 Overloaded", Kind::Overloaded, true),
    ];
    for (line, kind, retryable) in cases {
        for body in [json, "<html><body>no</body></html>", ""] {
            let (events, _) =
                answer(status(line, "content-type: application/json\r\n", body)).await;
            let error = error(&events);
            assert_eq!(
                (error.kind, error.retryable),
                (kind, retryable),
                "{line} {body:?}"
            );
            assert!(error.cause.contains(&line[..3]), "{error:?}");
        }
    }
    let full = r#"{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#;
    let (events, _) = answer(status(
        "400 Bad Request",
        "content-type: application/json\r\n",
        full,
    ))
    .await;
    assert_eq!(error(&events).kind, Kind::ContextTooLong);
}

#[tokio::test]
async fn http_retry_after_is_read_and_capped() {
    for (header, expected) in [
        ("retry-after: 7\r\n", Some(7)),
        ("retry-after-ms: 1500\r\n", Some(2)),
        ("retry-after: soon\r\n", None),
        ("retry-after: 1000000000\r\n", Some(3600)),
        ("", None),
    ] {
        let (events, _) = answer(status("429 Too Many Requests", header, "{}")).await;
        assert_eq!(error(&events).retry_after_secs, expected, "{header:?}");
    }
}

#[tokio::test]
async fn http_big_error_becomes_a_short_cause() {
    let (events, _) = answer(status(
        "500 Internal Server Error",
        "",
        &"x".repeat(4 * 1024 * 1024),
    ))
    .await;
    assert!(error(&events).cause.chars().count() <= 200);
}

#[tokio::test]
async fn http_200_that_is_no_stream_names_what_it_is() {
    let (events, _) = answer(status(
        "200 OK",
        "content-type: text/html\r\n",
        "<html></html>",
    ))
    .await;
    assert!(
        error(&events).cause.contains("text/html"),
        "{:?}",
        error(&events)
    );
}

#[tokio::test]
async fn http_redirect_is_refused_and_the_other_host_sees_nothing() {
    let other = Server::start(sse(&chunks(&[&finish("stop")]))).await;
    let location = format!(
        "location: http://127.0.0.1:{}/v1/chat/completions\r\n",
        other.port
    );
    let (events, _) = answer(status("307 Temporary Redirect", &location, "")).await;
    let error = error(&events);
    assert_eq!(
        (error.kind, error.retryable),
        (ModelErrorKind::InvalidRequest, false)
    );
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let events = events(model(port).as_ref(), ask(vec![user("hi")])).await;
    let error = error(&events);
    assert_eq!(
        (error.kind, error.retryable),
        (ModelErrorKind::Unreachable, true),
        "{error:?}"
    );
}

// --- keys ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn key_none_sends_no_key_header() {
    let (_, server) = answer(sse(&chunks(&[&finish("stop")]))).await;
    let request = server.requests()[0].to_ascii_lowercase();
    for name in ["authorization", "x-api-key", "api-key", "key="] {
        assert!(!request.contains(name), "{name} in {request}");
    }
}

#[tokio::test]
async fn a_key_goes_to_the_provider_and_into_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-CANARY-4711\n").unwrap();
    let more =
        format!("api_key_file = {file:?}\n[providers.headers]\nx-tenant = \"HEADER-CANARY\"\n");
    let echo =
        r#"{"error":{"message":"Incorrect API key provided: sk-CANARY-4711, HEADER-CANARY"}}"#;
    let scripts = [
        status(
            "401 Unauthorized",
            "content-type: application/json\r\n",
            echo,
        ),
        status(
            "400 Bad Request",
            "",
            &format!("{}sk-CANARY-4711", "x".repeat(185)),
        ),
        sse(&format!("data: {echo}\n\n")),
        sse("data: {\"choi\n\n"),
        status(
            "307 Temporary Redirect",
            "location: http://sk-CANARY-4711@127.0.0.1:1/\r\n",
            "",
        ),
        vec![Step::Reset],
    ];
    for script in scripts {
        let server = Server::start(script).await;
        let models = models(server.port, &more);
        let model = models.get("test").unwrap();
        let events = events(model.as_ref(), ask(vec![user("hi")])).await;
        let shown = format!("{events:?} {:?} {:?}", model.describe(), models.list());
        assert!(
            !shown.contains("CANARY") && !shown.contains("sk-"),
            "{shown}"
        );
        assert!(matches!(events.last(), Some(ModelEvent::Error(_))));
        assert!(server.requests()[0].contains("authorization: Bearer sk-CANARY-4711\r\n"));
        assert!(server.requests()[0].contains("x-tenant: HEADER-CANARY\r\n"));
    }
}

// --- what is sent --------------------------------------------------------------------------------------------------

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
        providers_support::events(model(server.port).as_ref(), ask(messages(replay))).await;
        let sent = server.body();
        assert_eq!(sent["messages"][2]["tool_calls"][0]["id"], expected);
        assert_eq!(sent["messages"][3]["tool_call_id"], expected);
        assert!(sent["messages"][3].to_string().contains("3 series"));
    }
}

// --- the end of it -------------------------------------------------------------------------------------------------

#[tokio::test]
async fn drop_closes_the_connection() {
    let first = format!("{SSE}data: {}\n\n", delta(r#"{"content":"a"}"#));
    let mut server = Server::start(vec![Step::Send(first.into_bytes()), Step::Hold]).await;
    let mut stream = model(server.port).stream(ask(vec![user("hi")]));
    assert_eq!(stream.next().await, Some(ModelEvent::TextDelta("a".into())));
    drop(stream);
    tokio::time::timeout(Duration::from_millis(100), server.closed())
        .await
        .expect("still open");

    // And before the first byte.
    let mut server = Server::start(vec![Step::Hold]).await;
    let mut stream = model(server.port).stream(ask(vec![user("hi")]));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), stream.next())
            .await
            .is_err()
    );
    drop(stream);
    tokio::time::timeout(Duration::from_millis(100), server.closed())
        .await
        .expect("still open");
}

#[tokio::test]
async fn nothing_is_sent_until_the_stream_is_polled() {
    let server = Server::start(vec![Step::Hold]).await;
    let stream = model(server.port).stream(ask(vec![user("hi")]));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 0);
    drop(stream);
}

#[tokio::test]
async fn the_list_names_where_questions_go_and_always_has_the_engine() {
    let models = models(8099, "title = \"Mine\"\n");
    let list = models.list();
    assert_eq!(list[0].sent_to.as_deref(), Some("127.0.0.1:8099"));
    assert_eq!((list[0].title.as_str(), list[0].builtin), ("Mine", false));
    assert_eq!(
        (
            list[1].id.as_str(),
            list[1].builtin,
            list[1].sent_to.clone()
        ),
        ("builtin", true, None)
    );
    assert_eq!(models.default_model(), "test");
    assert!(models.get("builtin").is_some() && models.get("other").is_none());
}
