//! Another user's object does not exist.

use serde_json::json;

use crate::support::token::{HOUR, token};
use crate::support::{Relay, send};

#[tokio::test]
async fn another_owners_ids_and_unknown_ids_read_the_same() {
    let relay = Relay::start().await;
    let (alice, bob) = (token("alice", HOUR), token("bob", HOUR));
    assert_eq!(relay.ask(&alice, "c1", "r1", "/help").await.status, 202);
    assert!(
        relay
            .run_events(&alice, "r1")
            .await
            .body
            .contains("RUN_FINISHED")
    );

    for (conversation, run) in [
        ("c1", "r1"),
        ("nope", "nope"),
        ("a%2fb", "..%2f"),
        ("%00", "%ff"),
        ("ä", "ä"),
    ] {
        for path in [
            format!("/persai/v1/conversations/{conversation}"),
            format!("/persai/v1/conversations/{conversation}/events"),
            format!("/persai/v1/conversations/{conversation}/events?after=1"),
            format!("/persai/v1/runs/{run}/events"),
        ] {
            let answer = send(relay.get(&path).bearer_auth(&bob)).await;
            assert_eq!(answer.error(), (404, "notFound".to_owned()), "{path}");
        }
        let cancel = format!("/persai/v1/runs/{run}/cancel");
        let answer = send(relay.post(&cancel, &json!({})).bearer_auth(&bob)).await;
        assert_eq!(answer.error(), (404, "notFound".to_owned()), "{cancel}");
    }
    let list = send(relay.get("/persai/v1/conversations").bearer_auth(&bob)).await;
    assert_eq!(list.json(), json!({"conversations": []}));
}

#[tokio::test]
async fn two_owners_may_use_the_same_ids() {
    let relay = Relay::start().await;
    let (alice, bob) = (token("alice", HOUR), token("bob", HOUR));
    assert_eq!(
        relay.ask(&alice, "c1", "r1", "/help alice").await.status,
        202
    );
    let theirs = relay.ask(&bob, "c1", "r1", "/help bob").await;
    assert_eq!(theirs.status, 202, "{}", theirs.body);
    let (events_of_alice, events_of_bob) = (
        relay.run_events(&alice, "r1").await,
        relay.run_events(&bob, "r1").await,
    );
    assert!(
        events_of_alice.body.contains("/help alice") && !events_of_alice.body.contains("/help bob")
    );
    assert!(
        events_of_bob.body.contains("/help bob") && !events_of_bob.body.contains("/help alice")
    );
}
