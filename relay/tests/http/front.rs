//! Front mode: ours is ours, and the rest is a byte pipe.

use std::time::{Duration, Instant};

use futures::StreamExt as _;

use crate::support::token::{HOUR, cookies, token};
use crate::support::{Relay, question_body, raw, send};

async fn front() -> Relay {
    Relay::with_config("front = true").await
}

/// Status and the raw target that the Perses double saw, if any.
async fn get_raw(relay: &Relay, target: &str) -> (String, Option<String>) {
    let before = relay.perses.seen().len();
    let answer = raw(
        relay.address,
        &format!("GET {target} HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let seen = relay.perses.seen();
    let piped = seen[before..]
        .iter()
        .map(|seen| seen.target.clone())
        .find(|target| target != "/api/config");
    (status, piped)
}

#[tokio::test]
async fn no_spelling_of_our_path_reaches_perses_and_no_other_path_is_changed() {
    let relay = front().await;
    for ours in [
        "/persai/v1/openapi.json",
        "/persai/v1/openapi.json?x=//persai",
    ] {
        assert_eq!(
            get_raw(&relay, ours).await,
            ("200".to_owned(), None),
            "{ours}"
        );
    }
    assert_eq!(
        get_raw(&relay, "/persai/nothing").await,
        ("404".to_owned(), None)
    );
    for odd in [
        "//persai",
        "//persai/v1/openapi.json",
        "/./persai/v1/openapi.json",
        "/x/../persai/v1/openapi.json",
        "/../persai",
        "/persai//v1/openapi.json",
        "/persai/./v1/openapi.json",
        "/persai/v1/../v1/openapi.json",
        "/persai%2fv1/openapi.json",
        "/persai%2Fv1/openapi.json",
        "/persai%5cv1",
        "/persai\\v1",
        "/%70ersai/v1/openapi.json",
        "/persa%69/v1/openapi.json",
        "/%2570ersai/v1/openapi.json",
        "/%2fpersai",
        "/%2e/persai",
        "/x/%2e%2e/persai",
        "/x%2f..%2fpersai",
        "/persai/%2e%2e/persai",
        "/persai/%2e%2e/api/v1/projects",
    ] {
        assert_eq!(
            get_raw(&relay, odd).await,
            ("400".to_owned(), None),
            "{odd}"
        );
    }
    for (theirs, status) in [
        ("/pipe/x", "418"),
        (
            "/pipe//double/./dots/../and%2fmore%20?q=%2e%2e&r=a+b",
            "418",
        ),
        ("/PersAI", "200"),
        ("/PERSAI/v1/openapi.json", "200"),
        ("/persaix", "200"),
        ("/persai;x/v1", "200"),
        ("/persai.", "200"),
        ("/persai%20", "200"),
        ("/plugins/PersAI/mf-manifest.json", "200"),
        ("/perses/persai", "200"),
        ("/persai/../x", "200"),
        ("/?x=/persai", "200"),
    ] {
        assert_eq!(
            get_raw(&relay, theirs).await,
            (status.to_owned(), Some(theirs.to_owned())),
            "{theirs}"
        );
    }
}

#[tokio::test]
async fn requests_go_through_as_they_were_sent_but_for_the_hop() {
    let relay = front().await;
    let cookies = cookies(&token("alice", HOUR));
    let request = relay
        .http
        .put(relay.url("/pipe/save?a=1"))
        .header("cookie", &cookies)
        .header("authorization", "Bearer garbage")
        .header("x-custom", "kept")
        .header("accept-encoding", "br, gzip")
        .header("x-forwarded-for", "10.0.0.9")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .header("te", "trailers")
        .body("the body");
    let answer = send(request).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (418, "/pipe/save?a=1")
    );
    let seen = relay.perses.seen().pop().unwrap();
    let header = |name: &str| {
        seen.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(
        (seen.method.as_str(), &seen.body[..]),
        ("PUT", &b"the body"[..])
    );
    let host = relay.address.to_string();
    for (name, value) in [
        ("cookie", Some(cookies.as_str())),
        ("authorization", Some("Bearer garbage")),
        ("x-custom", Some("kept")),
        ("accept-encoding", Some("br, gzip")),
        ("host", Some(host.as_str())),
        ("x-forwarded-host", Some(host.as_str())),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-for", Some("10.0.0.9, 127.0.0.1")),
        ("x-hop", None),
        ("te", None),
        ("connection", None),
    ] {
        assert_eq!(header(name).as_deref(), value, "{name}");
    }
}

#[tokio::test]
async fn answers_go_through_as_they_came_but_for_the_hop() {
    let relay = front().await;
    let answer = send(relay.get("/pipe/cookie")).await;
    assert_eq!(answer.headers["set-cookie"], "a=1; Path=/");
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(answer.body, "not really gzip", "the bytes are not touched");
    assert_eq!(answer.headers["x-end"], "1");
    assert!(!answer.headers.contains_key("x-hop"));
    assert!(
        !answer.headers.contains_key("x-content-type-options"),
        "nothing is added"
    );

    let refused = send(relay.get("/pipe/unauthorized")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.body.as_str()),
        (401, r#"{"message":"invalid or expired jwt"}"#)
    );
    let redirect = send(relay.get("/pipe/redirect")).await;
    assert_eq!(
        (redirect.status.as_u16(), &redirect.headers["location"]),
        (302, &"/pipe/there".parse().unwrap())
    );
}

#[tokio::test]
async fn both_directions_stream() {
    let relay = front().await;
    let started = Instant::now();
    let mut chunks = relay
        .get("/pipe/stream")
        .send()
        .await
        .unwrap()
        .bytes_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "tick 0\n");
    assert!(
        started.elapsed() < Duration::from_millis(1200),
        "the first chunk did not wait for the last"
    );
    assert_eq!(chunks.next().await.unwrap().unwrap(), "tick 1\n");

    // Perses answers after the first chunk; the second never comes.
    let first = futures::stream::iter([Ok::<_, std::io::Error>("first")]);
    let body = reqwest::Body::wrap_stream(first.chain(futures::stream::pending()));
    let sending = relay.http.post(relay.url("/pipe/upload")).body(body).send();
    let answer = tokio::time::timeout(Duration::from_secs(5), sending)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_request_with_two_lengths_arrives_as_one() {
    let relay = front().await;
    let request = "POST /pipe/x HTTP/1.1\r\nHost: front\r\nConnection: close\r\nContent-Length: 3\r\n\
                   Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /persai HTTP/1.1\r\n\r\n";
    let answer = raw(relay.address, request).await;
    // Refusing it is as good; passing on a part is not.
    match answer.split(' ').nth(1) {
        Some("418") => {
            let seen = relay.perses.seen();
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].body, "hello");
            assert!(!seen[0].headers.contains_key("content-length"));
        }
        status => {
            assert_eq!(status, Some("400"));
            assert!(relay.perses.seen().is_empty());
        }
    }
}

/// A hop may call the framing its own; it still frames the body.
#[tokio::test]
async fn a_length_beside_chunks_goes_also_where_connection_names_the_chunks() {
    let relay = front().await;
    let request = "POST /pipe/x HTTP/1.1\r\nHost: front\r\nConnection: close, transfer-encoding\r\n\
                   Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = raw(relay.address, request).await;
    match answer.split(' ').nth(1) {
        Some("418") => assert_eq!(relay.perses.seen()[0].body, "hello"),
        status => {
            assert_eq!(status, Some("400"), "{answer}");
            assert!(relay.perses.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn a_websocket_is_not_possible_and_other_upgrades_are_passed_over() {
    let relay = front().await;
    let get = |upgrade: &str| {
        format!(
            "GET /pipe/x HTTP/1.1\r\nHost: front\r\nConnection: upgrade, close\r\nUpgrade: {upgrade}\r\n\r\n"
        )
    };
    assert!(
        raw(relay.address, &get("WebSocket"))
            .await
            .starts_with("HTTP/1.1 501")
    );
    assert!(relay.perses.seen().is_empty());
    assert!(
        raw(relay.address, &get("h2c"))
            .await
            .starts_with("HTTP/1.1 418")
    );
    assert!(!relay.perses.seen()[0].headers.contains_key("upgrade"));
}

#[tokio::test]
async fn a_perses_that_is_down_is_502_in_the_pipe() {
    let options = crate::support::Options {
        config: "front = true".to_owned(),
        perses_url: Some("http://127.0.0.1:1".to_owned()),
        ..crate::support::Options::default()
    };
    let relay = Relay::with(options).await;
    assert_eq!(
        send(relay.get("/explore")).await.error(),
        (502, "persesUnreachable".to_owned())
    );
}

#[tokio::test]
async fn the_same_rules_hold_for_persai_behind_the_front() {
    let relay = front().await;
    let asked = relay.ask(&token("alice", HOUR), "c1", "r1", "/help").await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let cookies = cookies(&token("alice", HOUR));
    let foreign = relay
        .post("/persai/v1/agent", &question_body("c2", "r2", "/help"))
        .header("cookie", cookies);
    assert_eq!(
        send(foreign).await.error(),
        (403, "crossSiteRefused".to_owned())
    );
    assert_eq!(
        send(relay.get("/persai/v1/conversations")).await.error(),
        (403, "persesTokenExpired".to_owned())
    );
}
