//! Bodies and parameters of the wrong form: a sentence that names the place, and nothing is written.

use serde_json::{Value, json};

use crate::support::token::{HOUR, token};
use crate::support::{Answer, Relay, question_body, send};

async fn post(relay: &Relay, body: String) -> Answer {
    let request = relay
        .http
        .post(relay.url("/persai/v1/agent"))
        .bearer_auth(token("alice", HOUR));
    send(
        request
            .header("content-type", "application/json; charset=utf-8")
            .body(body),
    )
    .await
}

fn with(pointer: &str, value: Value) -> String {
    let mut body = question_body("c1", "r1", "/help");
    body["forwardedProps"] = json!({"persai": {}});
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body.to_string()
}

#[tokio::test]
async fn every_bad_body_names_what_is_wrong() {
    let relay = Relay::start().await;
    let persai = |key: &str, value: Value| with(&format!("/forwardedProps/persai/{key}"), value);
    let datasource = |name: &str| {
        persai(
            "datasources",
            json!([{"kind": "PrometheusDatasource", "name": name}]),
        )
    };
    for (body, code, named) in [
        ("{".to_owned(), "invalidRequest", "line 1"),
        (String::new(), "invalidRequest", "JSON"),
        ("[]".to_owned(), "invalidRequest", "expected"),
        ("{}".to_owned(), "invalidRequest", "threadId"),
        (with("/threadId", json!(1)), "invalidRequest", "threadId"),
        (
            with("/threadId", json!("a/b")),
            "invalidRequest",
            "threadId",
        ),
        (
            with("/runId", json!("x".repeat(129))),
            "invalidRequest",
            "runId",
        ),
        (
            with("/parentRunId", json!("a b")),
            "invalidRequest",
            "parentRunId",
        ),
        (with("/messages", json!([])), "invalidRequest", "messages"),
        (
            with(
                "/messages",
                json!([{"id": "m", "role": "assistant", "content": "x"}]),
            ),
            "invalidRequest",
            "user",
        ),
        (
            with(
                "/messages",
                json!([{"id": "m", "role": "user", "content": "  "}]),
            ),
            "invalidRequest",
            "empty",
        ),
        (
            with(
                "/messages",
                json!([{"id": "m/", "role": "user", "content": "x"}]),
            ),
            "invalidRequest",
            "id",
        ),
        (
            with("/messages", json!([{"role": "user", "content": "x"}])),
            "invalidRequest",
            "messages[0]",
        ),
        (
            with(
                "/messages",
                json!([{"id": "m", "role": "user", "content": "x".repeat(65_537)}]),
            ),
            "invalidRequest",
            "65536",
        ),
        (persai("bogus", json!(1)), "invalidRequest", "bogus"),
        (
            persai("timeRange", json!({"startMs": 2, "endMs": 1})),
            "invalidRequest",
            "timeRange",
        ),
        (
            persai("timeRange", json!({"startMs": 0, "endMs": i64::MAX})),
            "invalidRequest",
            "timeRange",
        ),
        (
            persai("timeRange", json!({"startMs": i64::MIN, "endMs": i64::MAX})),
            "invalidRequest",
            "timeRange",
        ),
        (
            persai("timeRange", json!({"startMs": 0, "endMs": 1e30})),
            "invalidRequest",
            "timeRange",
        ),
        (
            persai("suggestedStepMs", json!(i64::MAX)),
            "invalidRequest",
            "suggestedStepMs",
        ),
        (
            persai("utcOffsetMinutes", json!(i64::MAX)),
            "invalidRequest",
            "utcOffsetMinutes",
        ),
        (
            persai("timeRange", json!({"startMs": 1, "endMs": 2, "x": 1})),
            "invalidRequest",
            "timeRange",
        ),
        (
            persai("utcOffsetMinutes", json!(841)),
            "invalidRequest",
            "utcOffsetMinutes",
        ),
        (
            persai("suggestedStepMs", json!(0)),
            "invalidRequest",
            "suggestedStepMs",
        ),
        (persai("model", json!("gpt-nope")), "unknownModel", "model"),
        (
            persai("datasources", json!([{"kind": "Loki", "name": "x"}])),
            "invalidRequest",
            "datasources[0].kind",
        ),
        (
            persai("datasources", json!("prom")),
            "invalidRequest",
            "forwardedProps.persai.datasources",
        ),
        (datasource("a/b"), "invalidRequest", "datasources[0].name"),
        (datasource(".."), "invalidRequest", "datasources[0].name"),
        (
            datasource("../../api/v1/users"),
            "invalidRequest",
            "datasources[0].name",
        ),
        (
            datasource("prom@evil.example"),
            "invalidRequest",
            "datasources[0].name",
        ),
        (datasource("a%2fb"), "invalidRequest", "datasources[0].name"),
        (
            datasource("prömetheus"),
            "invalidRequest",
            "datasources[0].name",
        ),
        (datasource(""), "invalidRequest", "datasources[0].name"),
        (
            persai(
                "datasources",
                json!([{"kind": "PrometheusDatasource", "name": "prom", "project": "../x"}]),
            ),
            "invalidRequest",
            "datasources[0].project",
        ),
    ] {
        let answer = post(&relay, body.clone()).await;
        let excerpt: String = body.chars().take(200).collect();
        assert_eq!(answer.error(), (400, code.to_owned()), "{excerpt}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{excerpt} -> {message}");
    }
    let list = send(
        relay
            .get("/persai/v1/conversations")
            .bearer_auth(token("alice", HOUR)),
    )
    .await;
    assert_eq!(
        list.json(),
        json!({"conversations": []}),
        "nothing was written"
    );
    assert!(
        relay
            .perses
            .seen()
            .iter()
            .all(|seen| !seen.target.contains("datasources")),
        "Perses was not asked"
    );
}

#[tokio::test]
async fn errors_do_not_repeat_what_was_sent() {
    let relay = Relay::start().await;
    for body in [
        with("/runId", json!({"canary-value": 1})),
        with("/messages", json!("canary-value")),
        with(
            "/forwardedProps/persai/utcOffsetMinutes",
            json!("canary-value"),
        ),
        "\"canary-value\"".to_owned(),
        "\"what was expected canary-value\"".to_owned(),
    ] {
        let answer = post(&relay, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.body.contains("canary-value"), "{}", answer.body);
    }
    let path = "/persai/v1/conversations/c1/events?canary-value=1";
    let answer = send(relay.get(path).bearer_auth(token("alice", HOUR))).await;
    assert_eq!(answer.error(), (400, "invalidRequest".to_owned()));
    assert!(!answer.body.contains("canary-value"), "{}", answer.body);
}

#[tokio::test]
async fn foreign_fields_of_ag_ui_are_skipped() {
    let relay = Relay::start().await;
    let mut body = question_body("c1", "r1", "/help");
    body["somethingNew"] = json!({"a": 1});
    body["forwardedProps"]["other"] = json!(1);
    body["tools"] = json!([{"name": "x"}]);
    body["messages"].as_array_mut().unwrap().insert(
        0,
        json!({"id": "s", "role": "system", "content": null, "x": 1}),
    );
    assert_eq!(post(&relay, body.to_string()).await.status, 202);
}

#[tokio::test]
async fn bodies_over_the_cap_are_refused_with_or_without_a_length() {
    let relay = Relay::with_config("max_body_bytes = 2000\nmax_question_bytes = 1000").await;
    let long = with("/state", json!("x".repeat(3000)));
    assert_eq!(
        post(&relay, long.clone()).await.error(),
        (413, "bodyTooLarge".to_owned())
    );
    let chunks = futures::stream::iter(
        long.into_bytes()
            .chunks(500)
            .map(<[u8]>::to_vec)
            .map(Ok::<_, std::io::Error>)
            .collect::<Vec<_>>(),
    );
    let request = relay
        .http
        .post(relay.url("/persai/v1/agent"))
        .bearer_auth(token("alice", HOUR));
    let request = request
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(
        send(request).await.error(),
        (413, "bodyTooLarge".to_owned())
    );
}

#[tokio::test]
async fn only_json_by_its_name_is_read() {
    let relay = Relay::start().await;
    for kind in ["text/plain", "application/jsonx", "multipart/form-data", ""] {
        let request = relay
            .http
            .post(relay.url("/persai/v1/agent"))
            .bearer_auth(token("alice", HOUR));
        let request = request
            .header("content-type", kind)
            .body(question_body("c1", "r1", "/help").to_string());
        assert_eq!(
            send(request).await.error(),
            (415, "unsupportedMediaType".to_owned()),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_json() {
    let relay = Relay::start().await;
    for path in [
        "/persai",
        "/persai/",
        "/persai/v1",
        "/persai/v2/agent",
        "/",
        "/api/v1/projects",
    ] {
        assert_eq!(
            send(relay.get(path)).await.error(),
            (404, "notFound".to_owned()),
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "/persai/v1/agent"),
        ("DELETE", "/persai/v1/conversations/c1"),
        ("POST", "/persai/v1/capabilities"),
    ] {
        let answer = send(relay.http.request(method.parse().unwrap(), relay.url(path))).await;
        assert_eq!(
            answer.error(),
            (405, "methodNotAllowed".to_owned()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_stream_position_is_a_whole_number() {
    let relay = Relay::start().await;
    for query in ["after=x", "after=-1", "after=1.5", "after=", "since=1"] {
        let path = format!("/persai/v1/conversations/c1/events?{query}");
        let answer = send(relay.get(&path).bearer_auth(token("alice", HOUR))).await;
        assert_eq!(
            answer.error(),
            (400, "invalidRequest".to_owned()),
            "{query}"
        );
    }
}
