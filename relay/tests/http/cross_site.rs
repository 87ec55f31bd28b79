//! A changing request that a browser may have logged in by itself has to prove where it comes from.

use serde_json::json;

use crate::support::token::{HOUR, cookies, token};
use crate::support::{Relay, question_body, send};

#[derive(Clone, Copy, Default)]
struct Proof<'a> {
    cookie: bool,
    bearer: bool,
    text: bool,
    header: Option<&'a str>,
    origin: Option<&'a str>,
}

async fn ask(relay: &Relay, run: &str, proof: Proof<'_>) -> (u16, String) {
    let body = question_body("c1", run, "/help").to_string();
    let kind = if proof.text {
        "text/plain"
    } else {
        "application/json"
    };
    let mut request = relay
        .http
        .post(relay.url("/persai/v1/agent"))
        .body(body)
        .header("content-type", kind);
    if proof.cookie {
        request = request.header("cookie", cookies(&token("alice", HOUR)));
    }
    if proof.bearer {
        request = request.bearer_auth(token("alice", HOUR));
    }
    if let Some(value) = proof.header {
        request = request.header("x-persai", value);
    }
    if let Some(origin) = proof.origin {
        request = request.header("origin", origin);
    }
    let answer = send(request).await;
    if answer.status == 202 {
        (202, String::new())
    } else {
        answer.error()
    }
}

#[tokio::test]
async fn cookies_need_json_our_header_and_our_origin() {
    let relay = Relay::start().await;
    let ours = relay.origin();
    let good = Proof {
        cookie: true,
        header: Some("1"),
        origin: Some(&ours),
        ..Proof::default()
    };
    let taken = (202, String::new());
    let refused = (403, "crossSiteRefused".to_owned());
    let other_port = format!("http://127.0.0.1:{}", relay.address.port() ^ 1);

    for (run, proof, expected) in [
        ("r1", good, &taken),
        (
            "r2",
            Proof {
                bearer: true,
                ..good
            },
            &taken,
        ),
        (
            "r3",
            Proof {
                header: None,
                ..good
            },
            &refused,
        ),
        (
            "r4",
            Proof {
                header: Some("0"),
                ..good
            },
            &refused,
        ),
        (
            "r5",
            Proof {
                origin: None,
                ..good
            },
            &refused,
        ),
        (
            "r6",
            Proof {
                origin: Some("http://evil.example"),
                ..good
            },
            &refused,
        ),
        (
            "r7",
            Proof {
                origin: Some("null"),
                ..good
            },
            &refused,
        ),
        (
            "r8",
            Proof {
                origin: Some(&other_port),
                ..good
            },
            &refused,
        ),
        ("r9", Proof { text: true, ..good }, &refused),
        (
            "r10",
            Proof {
                bearer: true,
                header: None,
                ..good
            },
            &refused,
        ),
        (
            "r11",
            Proof {
                bearer: true,
                origin: None,
                ..good
            },
            &refused,
        ),
        // Another AG-UI client: a token of its own, and nothing that a browser would add.
        (
            "r12",
            Proof {
                bearer: true,
                ..Proof::default()
            },
            &taken,
        ),
        (
            "r13",
            Proof {
                bearer: true,
                origin: Some("http://evil.example"),
                ..Proof::default()
            },
            &taken,
        ),
        (
            "r14",
            Proof {
                bearer: true,
                text: true,
                ..Proof::default()
            },
            &(415, "unsupportedMediaType".to_owned()),
        ),
        (
            "r15",
            Proof::default(),
            &(403, "persesTokenExpired".to_owned()),
        ),
    ] {
        assert_eq!(&ask(&relay, run, proof).await, expected, "{run}");
        settle(&relay).await;
    }
}

/// One conversation has one run at a time.
async fn settle(relay: &Relay) {
    for _ in 0..200 {
        let answer = send(
            relay
                .get("/persai/v1/conversations")
                .bearer_auth(token("alice", HOUR)),
        )
        .await;
        if !answer.body.contains("\"running\"") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("a run does not end");
}

#[tokio::test]
async fn public_origins_take_the_place_of_the_host() {
    let relay = Relay::with_config("public_origins = [\"https://perses.example.com\"]").await;
    let ours = relay.origin();
    let proof = Proof {
        cookie: true,
        header: Some("1"),
        ..Proof::default()
    };
    let refused = (403, "crossSiteRefused".to_owned());
    let known = Proof {
        origin: Some("https://perses.example.com"),
        ..proof
    };
    assert_eq!(ask(&relay, "r1", known).await.0, 202);
    for origin in [
        ours.as_str(),
        "http://perses.example.com",
        "https://perses.example.com.evil.example",
    ] {
        assert_eq!(
            ask(
                &relay,
                "r2",
                Proof {
                    origin: Some(origin),
                    ..proof
                }
            )
            .await,
            refused,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn cancel_is_a_changing_request_too() {
    let relay = Relay::start().await;
    let cancel = || {
        relay
            .post("/persai/v1/runs/r1/cancel", &json!({}))
            .header("cookie", cookies(&token("alice", HOUR)))
    };
    assert_eq!(
        send(cancel()).await.error(),
        (403, "crossSiteRefused".to_owned())
    );
    let proven = cancel()
        .header("x-persai", "1")
        .header("origin", relay.origin());
    assert_eq!(send(proven).await.error(), (404, "notFound".to_owned()));
}

/// A top-level link of a foreign page arrives with all cookies: it may read into nobody's hands and changes nothing.
#[tokio::test]
async fn get_is_never_asked_for_proof_and_changes_nothing() {
    let relay = Relay::start().await;
    let list = || {
        relay
            .get("/persai/v1/conversations")
            .header("cookie", cookies(&token("alice", HOUR)))
    };
    assert_eq!(send(list()).await.status, 200);
    for path in ["/persai/v1/agent", "/persai/v1/runs/r1/cancel"] {
        let answer = send(
            relay
                .get(path)
                .header("cookie", cookies(&token("alice", HOUR))),
        )
        .await;
        assert_eq!(
            answer.error(),
            (405, "methodNotAllowed".to_owned()),
            "{path}"
        );
    }
    assert_eq!(send(list()).await.json()["conversations"], json!([]));
}

#[tokio::test]
async fn without_authentication_a_foreign_origin_is_refused() {
    let relay = Relay::start().await;
    relay
        .perses
        .authenticates
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let ask = |origin: String| {
        let request = relay.post("/persai/v1/agent", &question_body("c1", "r1", "/help"));
        send(
            request
                .header("x-persai-browser", "browser-A-0123456789")
                .header("origin", origin),
        )
    };
    assert_eq!(
        ask("http://evil.example".to_owned()).await.error(),
        (403, "crossSiteRefused".to_owned())
    );
    assert_eq!(ask(relay.origin()).await.status, 202);
}
