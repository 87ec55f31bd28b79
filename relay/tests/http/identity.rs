//! Who asks, and what Perses is shown.

use std::sync::atomic::Ordering;
use std::time::Duration;

use persai_relay::identity::Freshness;

use crate::support::token::{HOUR, cookies, token};
use crate::support::{Options, Relay, send};

const LIST: &str = "/persai/v1/conversations";
const CAPABILITIES: &str = "/persai/v1/capabilities";
const WHOAMI: &str = "/api/v1/user/whoami";

async fn user(relay: &Relay, headers: &[(&str, String)]) -> Option<String> {
    let request = headers
        .iter()
        .fold(relay.get(CAPABILITIES), |request, (name, value)| {
            request.header(*name, value)
        });
    send(request).await.json()["user"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn the_authorization_header_goes_before_the_cookies() {
    let relay = Relay::start().await;
    let alice = || ("authorization", format!("Bearer {}", token("alice", HOUR)));
    let bob = || ("cookie", cookies(&token("bob", HOUR)));
    let garbage_cookies = || ("cookie", "jwtPayload=a.b; jwtSignature=c".to_owned());

    assert_eq!(user(&relay, &[alice()]).await.as_deref(), Some("alice"));
    assert_eq!(user(&relay, &[bob()]).await.as_deref(), Some("bob"));
    assert_eq!(
        user(&relay, &[alice(), bob()]).await.as_deref(),
        Some("alice")
    );
    assert_eq!(
        user(&relay, &[alice(), garbage_cookies()]).await.as_deref(),
        Some("alice"),
        "header wins here"
    );
    assert_eq!(
        user(
            &relay,
            &[("authorization", "Bearer garbage".to_owned()), bob()]
        )
        .await,
        None
    );
    assert_eq!(
        user(&relay, &[("authorization", "Basic YTpi".to_owned()), bob()])
            .await
            .as_deref(),
        Some("bob")
    );
    assert_eq!(
        user(&relay, &[("cookie", "jwtRefreshToken=x".to_owned())]).await,
        None
    );
    assert_eq!(user(&relay, &[]).await, None);
}

#[tokio::test]
async fn only_allow_listed_headers_reach_perses_and_never_a_cookie() {
    let relay = Relay::start().await;
    let token = token("alice", HOUR);
    let question = crate::support::question_body("c1", "r1", "/query up");
    let request = relay
        .post("/persai/v1/agent", &question)
        .bearer_auth(&token)
        .header("cookie", cookies(&token))
        .header("x-persai", "1")
        .header("origin", relay.origin())
        .header("x-forwarded-for", "10.1.2.3")
        .header("x-custom", "1")
        .header("referer", "http://somewhere/")
        .header("accept-encoding", "br")
        .header("accept", "text/event-stream");
    let answer = send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    let seen = relay.perses.seen();
    assert!(
        seen.iter().any(|seen| seen.target.starts_with("/proxy/")),
        "the question reached the datasource"
    );
    for request in seen {
        for name in request.headers.keys() {
            // Host and Content-Length are HTTP's own.
            let allowed = [
                "authorization",
                "accept",
                "content-type",
                "user-agent",
                "host",
                "content-length",
            ];
            assert!(
                allowed.contains(&name.as_str()),
                "{} {name}",
                request.target
            );
        }
        assert!(!format!("{request:?}").contains("canary-refresh-token"));
        if request.target != "/api/config" {
            assert_eq!(
                request.headers["authorization"],
                format!("Bearer {token}"),
                "{}",
                request.target
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_of_perses_is_not_followed() {
    let relay = Relay::start().await;
    let list = || send(relay.get(LIST).bearer_auth(token("alice", HOUR)));
    assert_eq!(list().await.status, 200);
    relay.perses.redirects.store(true, Ordering::SeqCst);
    let other = send(relay.get(LIST).bearer_auth(token("bob", HOUR))).await;
    assert_eq!(other.error(), (502, "persesUnreachable".to_owned()));
    assert_eq!(relay.perses.count("/elsewhere"), 0);
}

#[tokio::test]
async fn whoami_is_asked_again_after_its_time() {
    assert!(Freshness::default().whoami <= Duration::from_secs(30));
    assert_eq!(Freshness::default().config, Duration::from_secs(60));
    let freshness = Freshness {
        whoami: Duration::from_secs(3),
        ..Freshness::default()
    };
    let relay = Relay::with(Options {
        freshness,
        ..Options::default()
    })
    .await;
    let list = || send(relay.get(LIST).bearer_auth(token("alice", HOUR)));
    let token_of_bob = token("bob", HOUR);
    list().await;
    list().await;
    assert_eq!(relay.perses.count(WHOAMI), 1);
    send(relay.get(LIST).bearer_auth(token_of_bob)).await;
    assert_eq!(
        relay.perses.count(WHOAMI),
        2,
        "another token is another question"
    );
    tokio::time::sleep(Duration::from_millis(3100)).await;
    list().await;
    assert_eq!(relay.perses.count(WHOAMI), 3);
}

#[tokio::test]
async fn a_token_is_not_believed_past_its_own_end() {
    let relay = Relay::start().await;
    let token = token("alice", 4);
    let list = || send(relay.get(LIST).bearer_auth(&token));
    assert_eq!(list().await.status, 200);
    tokio::time::sleep(Duration::from_millis(4100)).await;
    assert_eq!(list().await.error(), (403, "persesTokenExpired".to_owned()));
    assert_eq!(relay.perses.count(WHOAMI), 2);
}

#[tokio::test]
async fn a_well_signed_token_of_nobody_is_refused_though_the_proxy_would_take_it() {
    let relay = Relay::start().await;
    let answer = send(relay.get(LIST).bearer_auth(token("ghost", HOUR))).await;
    assert_eq!(answer.error(), (403, "persesTokenExpired".to_owned()));
}

#[tokio::test]
async fn perses_0_52_is_asked_by_the_permission_endpoint() {
    let relay = Relay::start().await;
    relay.perses.is_0_52.store(true, Ordering::SeqCst);
    let alice = token("alice", HOUR);
    assert_eq!(
        user(&relay, &[("authorization", format!("Bearer {alice}"))])
            .await
            .as_deref(),
        Some("alice")
    );
    assert_eq!(relay.perses.count("/api/v1/users/alice/permissions"), 1);
    for bad in [
        token("alice", -1),
        "garbage".to_owned(),
        token("../admin", HOUR),
        token("a/b", HOUR),
    ] {
        let answer = send(relay.get(LIST).bearer_auth(bad)).await;
        assert_eq!(answer.error(), (403, "persesTokenExpired".to_owned()));
    }
}

#[tokio::test]
async fn without_authentication_histories_are_kept_per_browser() {
    let relay = Relay::start().await;
    relay.perses.authenticates.store(false, Ordering::SeqCst);
    let capabilities = send(relay.get(CAPABILITIES)).await.json();
    assert_eq!(capabilities["authentication"], "none");
    assert!(capabilities.get("user").is_none());

    let list = |key: &'static str| send(relay.get(LIST).header("x-persai-browser", key));
    assert_eq!(
        send(relay.get(LIST)).await.error(),
        (400, "browserKeyRequired".to_owned())
    );
    for bad in ["short", "0123456789abcde", "0123456789abcde/", ""] {
        assert_eq!(
            list(bad).await.error(),
            (400, "browserKeyRequired".to_owned()),
            "{bad}"
        );
    }
    let question = crate::support::question_body("c1", "r1", "/help");
    let asked = relay
        .post("/persai/v1/agent", &question)
        .header("x-persai-browser", "browser-A-0123456789");
    // A stale token is nobody's business there.
    let asked = send(asked.bearer_auth(token("alice", HOUR))).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    assert_eq!(
        list("browser-A-0123456789").await.json()["conversations"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        list("browser-B-0123456789").await.json()["conversations"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert!(
        relay
            .perses
            .seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn a_perses_that_cannot_be_reached_lets_nobody_in() {
    let closed = Relay::with(Options {
        perses_url: Some("http://127.0.0.1:1".to_owned()),
        ..Options::default()
    })
    .await;
    let html = Relay::start().await;
    html.perses.config_is_html.store(true, Ordering::SeqCst);
    for relay in [closed, html] {
        let answer = send(relay.get(LIST).bearer_auth(token("alice", HOUR))).await;
        assert_eq!(answer.error(), (502, "persesUnreachable".to_owned()));
        let with_key = send(
            relay
                .get(LIST)
                .header("x-persai-browser", "browser-A-0123456789"),
        )
        .await;
        assert_eq!(with_key.error(), (502, "persesUnreachable".to_owned()));
        let capabilities = send(relay.get(CAPABILITIES)).await;
        assert_eq!(
            (
                capabilities.status.as_u16(),
                &capabilities.json()["authentication"]
            ),
            (200, &"unknown".into())
        );
        let health = send(relay.get("/persai/v1/health")).await;
        assert_eq!(health.status, 503);
        assert_eq!(
            (
                &health.json()["perses"]["ok"],
                &health.json()["storage"]["ok"]
            ),
            (&false.into(), &true.into())
        );
    }
}

#[tokio::test]
async fn what_was_known_of_authentication_is_not_kept_through_an_outage() {
    let freshness = Freshness {
        config: Duration::from_millis(200),
        outage: Duration::from_millis(50),
        ..Freshness::default()
    };
    let relay = Relay::with(Options {
        freshness,
        ..Options::default()
    })
    .await;
    let list = || send(relay.get(LIST).bearer_auth(token("alice", HOUR)));
    assert_eq!(list().await.status, 200);
    relay.perses.config_is_html.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(list().await.error(), (502, "persesUnreachable".to_owned()));
    relay.perses.config_is_html.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(list().await.status, 200);
}

#[tokio::test]
async fn a_perses_under_a_prefix_is_asked_under_it_and_nowhere_else() {
    for prefix in ["/perses", "/perses/"] {
        let perses_url = Some(format!("{{perses}}{prefix}"));
        let relay = Relay::with(Options {
            perses_url,
            ..Options::default()
        })
        .await;
        send(relay.get(LIST).bearer_auth(token("alice", HOUR))).await;
        let targets: Vec<String> = relay
            .perses
            .seen()
            .into_iter()
            .map(|seen| seen.target)
            .collect();
        assert_eq!(targets, ["/perses/api/config"]);
    }
}
