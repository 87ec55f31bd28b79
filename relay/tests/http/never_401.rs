//! The Perses UI repeats a lasting 401 thousands of times, so the relay never answers one.

use serde_json::json;

use crate::support::token::{HOUR, cookies, token};
use crate::support::{Relay, question_body, send};

/// Every route; whether it needs to know who asks.
fn routes() -> Vec<(&'static str, &'static str, bool)> {
    vec![
        ("GET", "/persai/v1/capabilities", false),
        ("GET", "/persai/v1/health", false),
        ("GET", "/persai/v1/openapi.json", false),
        ("POST", "/persai/v1/agent", true),
        ("GET", "/persai/v1/conversations", true),
        ("GET", "/persai/v1/conversations/c1", true),
        ("GET", "/persai/v1/conversations/c1/events", true),
        ("GET", "/persai/v1/runs/r1/events", true),
        ("POST", "/persai/v1/runs/r1/cancel", true),
        ("GET", "/persai/v1/unknown", false),
        ("DELETE", "/persai/v1/conversations", false),
    ]
}

#[tokio::test]
async fn no_route_answers_401_whatever_token_comes() {
    let relay = Relay::start().await;
    let routed = include_str!("../../src/http/router.rs")
        .matches(".route(")
        .count();
    assert_eq!(
        routes().len(),
        routed + 2,
        "a new route belongs into this table"
    );
    let tokens = [
        None,
        Some(token("alice", -60)),
        Some("garbage".to_owned()),
        Some("a.b.c".to_owned()),
        Some(token("ghost", HOUR)),
        Some(String::new()),
    ];
    for (method, path, needs_owner) in routes() {
        for token in &tokens {
            for by_cookie in [false, true] {
                let method: http::Method = method.parse().unwrap();
                let mut request = relay.http.request(method.clone(), relay.url(path));
                if method == http::Method::POST {
                    let body = if path.ends_with("agent") {
                        question_body("c1", "r1", "/help")
                    } else {
                        json!({})
                    };
                    request = request
                        .json(&body)
                        .header("x-persai", "1")
                        .header("origin", relay.origin());
                }
                request = match token {
                    Some(token) if by_cookie && token.contains('.') => {
                        request.header("cookie", cookies(token))
                    }
                    Some(token) => request.bearer_auth(token),
                    None => request,
                };
                let answer = send(request).await;
                assert_ne!(answer.status, 401, "{method} {path} {token:?}");
                if needs_owner {
                    assert_eq!(
                        answer.error(),
                        (403, "persesTokenExpired".to_owned()),
                        "{method} {path} {token:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn answers_are_safe_to_read_and_not_kept() {
    let relay = Relay::start().await;
    for (method, path, _) in routes() {
        let answer = send(
            relay
                .http
                .request(method.parse().unwrap(), relay.url(path))
                .header("origin", "http://evil.example"),
        )
        .await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control")),
            "{path}"
        );
    }
    let preflight = relay
        .http
        .request(http::Method::OPTIONS, relay.url("/persai/v1/agent"));
    let preflight = send(
        preflight
            .header("origin", "http://evil.example")
            .header("access-control-request-method", "POST"),
    )
    .await;
    assert_eq!(preflight.error(), (405, "methodNotAllowed".to_owned()));
}
