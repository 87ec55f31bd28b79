//! What a provider's stream says, whole, cut, broken or byte by byte.

use std::time::Duration;

use persai_agent::ports::{ModelErrorKind, ModelEvent, StopReason};

use crate::support::*;

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
async fn cc_reasoning_comes_before_the_text() {
    for field in ["reasoning_content", "reasoning"] {
        let thought = delta(&format!(r#"{{"{field}":"hmm"}}"#));
        let body = chunks(&[&thought, &delta(r#"{"content":"ok"}"#), &finish("stop")]);
        let (events, _) = answer(sse(&body)).await;
        let at = |wanted: &ModelEvent| events.iter().position(|event| event == wanted);
        let (thought, said) = (
            at(&ModelEvent::ReasoningDelta("hmm".into())),
            at(&ModelEvent::TextDelta("ok".into())),
        );
        assert!(thought.is_some() && thought < said, "{field}: {events:?}");
    }
}

#[tokio::test]
async fn cc_index_same_none_gap_and_huge() {
    let call = |index: &str, id: &str| {
        call_delta(
            index,
            &format!(
                r#""id":"{id}","type":"function","function":{{"name":"query_metrics","arguments":"{{}}"}}"#
            ),
        )
    };
    let zero = r#""index":0,"#;
    for (case, deltas, expected) in [
        ("same", vec![call(zero, "a"), call(zero, "b")], 2),
        ("none", vec![call("", "a")], 1),
        ("gap", vec![call(r#""index":1,"#, "a")], 1),
    ] {
        let mut all: Vec<&str> = deltas.iter().map(String::as_str).collect();
        let end = finish("tool_calls");
        all.push(&end);
        let (events, _) = answer(sse(&chunks(&all))).await;
        assert_eq!(calls(&events).len(), expected, "{case}: {events:?}");
    }
    let huge = call(r#""index":4294967295,"#, "a");
    let (events, _) = answer(sse(&chunks(&[&huge, &finish("tool_calls")]))).await;
    assert!(calls(&events).len() <= 1);
}

#[tokio::test]
async fn cc_one_chunk_may_hold_everything() {
    let all = r#"{"reasoning_content":"hmm","content":"ok","tool_calls":[
        {"index":0,"id":"a","type":"function","function":{"name":"query_metrics","arguments":"{\"a\":1}"}},
        {"index":1,"id":"b","type":"function","function":{"name":"query_metrics","arguments":"{\"a\":2}"}}]}"#
        .replace('\n', "");
    let (events, _) = answer(sse(&chunks(&[&delta(&all), &finish("tool_calls")]))).await;
    assert_eq!(text(&events), "ok");
    assert!(events.contains(&ModelEvent::ReasoningDelta("hmm".into())));
    assert_eq!(calls(&events).len(), 2);
}

#[tokio::test]
async fn cc_usage_twice_counts_the_last() {
    let first = r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let null = r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}"#;
    let (events, _) = answer(sse(&chunks(&[null, first, USAGE]))).await;
    assert!(events.contains(&ModelEvent::Usage {
        input_tokens: Some(12),
        output_tokens: Some(3)
    }));
    assert_eq!(stop(&events), StopReason::EndTurn);
}

#[tokio::test]
async fn cc_no_done_is_complete_and_done_without_finish_is_not() {
    let body = format!(
        "data: {}\n\ndata: {}\n\n",
        delta(r#"{"content":"a"}"#),
        finish("stop")
    );
    let (events, _) = answer(sse(&body)).await;
    assert_eq!(stop(&events), StopReason::EndTurn);
    let (events, _) = answer(sse(&chunks(&[&delta(r#"{"content":"a"}"#)]))).await;
    assert_eq!(error(&events).kind, ModelErrorKind::Truncated);
}

#[tokio::test]
async fn cc_bad_json_is_an_error_and_nothing_comes_after() {
    let body = format!(
        "data: {{\"choi\n\n{}",
        chunks(&[&delta(r#"{"content":"b"}"#), &finish("stop")])
    );
    let (events, _) = answer(sse(&body)).await;
    error(&events);
    assert_eq!(text(&events), "");
}

#[tokio::test]
async fn sse_many_takes_linear_time() {
    let words = 60_000;
    let word = format!("data: {}\n\n", delta(r#"{"content":"a"}"#));
    let end = format!("data: {}\n\n", finish("stop"));
    let script = vec![
        Step::Send(SSE.as_bytes().to_vec()),
        Step::Send(word.repeat(words).into_bytes()),
        Step::Send(end.into_bytes()),
    ];
    let (events, _) = answer(script).await;
    assert_eq!(text(&events).len(), words);
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
