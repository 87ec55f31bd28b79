//! The LLM stand-in's wire format over a real socket.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::StreamExt;
use persai_playground::llm;
use persai_playground::llm::script::{Script, Scripts};
use persai_playground::net::{Server, loopback};
use persai_playground::record::Recorded;
use reqwest::{Client, Response};
use serde_json::{Value, json};

async fn start(scripts: Value) -> Server {
    let scripts: Vec<Script> = serde_json::from_value(scripts).unwrap();
    llm::start(loopback(0), Scripts::new(scripts))
        .await
        .unwrap()
}

async fn ask(server: &Server, text: &str) -> Response {
    Client::new()
        .post(format!("{}/v1/chat/completions", server.url()))
        .bearer_auth("sk-test")
        .json(&json!({
            "model": "m1",
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": text}],
        }))
        .send()
        .await
        .unwrap()
}

fn chunks(text: &str) -> Vec<Value> {
    text.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test]
async fn text_tool_calls_usage_and_the_end_have_the_real_shapes() {
    let server = start(json!([{"name": "default", "rounds": [{"steps": [
        {"text": {"content": "Größe in Worten"}},
        {"toolCall": {"name": "query_metrics", "arguments": {"query": "up"}, "pieces": 3}},
        {"toolCall": {"name": "search_metrics", "arguments": "{\"x\":"}},
        {"usage": {"input": 11, "output": 7}},
    ]}]}]))
    .await;
    let answer = ask(&server, "hello").await;
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/event-stream")
    );
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(!text.contains('\r'));
    let chunks = chunks(&text);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["model"] == "m1")
    );
    let deltas: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"])
        .collect();
    assert_eq!(deltas[0]["role"], "assistant");
    let written: String = deltas
        .iter()
        .filter_map(|delta| delta["content"].as_str())
        .collect();
    assert_eq!(written, "Größe in Worten");

    let mut arguments = [String::new(), String::new()];
    let mut names = Vec::new();
    for call in deltas
        .iter()
        .filter_map(|delta| delta["tool_calls"].as_array())
        .flatten()
    {
        let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
        arguments[index].push_str(call["function"]["arguments"].as_str().unwrap());
        if let Some(name) = call["function"]["name"].as_str() {
            assert!(call["id"].is_string() && call["type"] == "function");
            names.push(name.to_owned());
        }
    }
    assert_eq!(names, ["query_metrics", "search_metrics"]);
    assert_eq!(
        arguments,
        [r#"{"query":"up"}"#.to_owned(), r#"{"x":"#.to_owned()]
    );

    let reasons: Vec<&str> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str())
        .collect();
    assert_eq!(reasons, ["tool_calls"]);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"],
        json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})
    );
    assert_eq!(chunks[0]["usage"], Value::Null);
}

#[tokio::test]
async fn a_gate_holds_the_answer_until_the_test_opens_it() {
    let server = start(json!([{"name": "default", "rounds": [{"steps": [
        {"text": {"content": "before"}}, {"gate": "g"}, {"text": {"content": "after"}},
    ]}]}]))
    .await;
    let mut stream = ask(&server, "hello").await.bytes_stream();
    let mut seen = String::new();
    while !seen.contains("before") {
        seen.push_str(&String::from_utf8_lossy(
            &stream.next().await.unwrap().unwrap(),
        ));
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(200), stream.next())
            .await
            .is_err(),
        "it waits"
    );
    let state: Value = reqwest::get(format!("{}/__gate/g", server.url()))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(state, json!({"open": false, "waiting": 1}));
    Client::new()
        .post(format!("{}/__gate/g/open", server.url()))
        .send()
        .await
        .unwrap();
    while let Some(piece) = stream.next().await {
        seen.push_str(&String::from_utf8_lossy(&piece.unwrap()));
    }
    assert!(seen.contains("after") && seen.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_answer() {
    let server = start(json!([{"name": "default", "rounds": [{"steps": ["stall"]}]}])).await;
    let count = || async {
        let answer = reqwest::get(format!("{}/__active", server.url()))
            .await
            .unwrap();
        answer.json::<usize>().await.unwrap()
    };
    let answer = ask(&server, "hello").await;
    assert_eq!(count().await, 1);
    drop(answer);
    for _ in 0..50 {
        if count().await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the answer goes on though nobody reads it");
}

#[tokio::test]
async fn cuts_and_refusals_are_what_a_provider_would_do() {
    let server = start(json!([
        {"name": "cut", "userContains": ["cut"], "rounds": [{"steps": [{"text": {"content": "half"}}, "cut"]}]},
        {"name": "default", "rounds": [{"status": 429, "headers": {"retry-after": "7"}, "body": "{\"error\":{}}"}]},
    ]))
    .await;
    let answer = ask(&server, "cut it").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.is_err(), "the body breaks off");
    let answer = ask(&server, "hello").await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test]
async fn everything_that_is_sent_is_recorded_until_a_reset() {
    let server = start(json!([{"name": "default", "rounds": [{"steps": []}]}])).await;
    ask(&server, "a canary").await.text().await.unwrap();
    let recorded = || async {
        let answer = reqwest::get(format!("{}/__recorded", server.url()))
            .await
            .unwrap();
        answer.json::<Vec<Recorded>>().await.unwrap()
    };
    let list = recorded().await;
    assert_eq!(list.len(), 1);
    assert!(
        list[0]
            .headers
            .contains(&("authorization".into(), "Bearer sk-test".into()))
    );
    assert!(list[0].body.contains("a canary"));
    Client::new()
        .post(format!("{}/__reset", server.url()))
        .send()
        .await
        .unwrap();
    assert!(recorded().await.is_empty());
}

#[test]
fn the_scripts_of_the_demo_can_be_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    assert!(Scripts::load(&folder).is_ok());
}
