//! Datasources as a question names them.

use serde_json::json;

use crate::support::token::{HOUR, token};
use crate::support::{Relay, question_body, send};

async fn events_of(relay: &Relay, run: &str, datasource: &str) -> String {
    let mut body = question_body(&format!("c_{run}"), run, "/query up");
    body["forwardedProps"] =
        json!({"persai": {"datasources": [{"kind": "PrometheusDatasource", "name": datasource}]}});
    let request = relay
        .post("/persai/v1/agent", &body)
        .bearer_auth(token("alice", HOUR));
    send(request.header("accept", "text/event-stream"))
        .await
        .body
}

#[tokio::test]
async fn a_run_says_why_its_datasource_cannot_be_asked_and_ends() {
    let relay = Relay::with_config(
        "[budgets]\ntool_timeout_secs = 1\nresult_bytes = 100000\n[guard]\nmode = \"enforce\"",
    )
    .await;
    for (run, datasource, code) in [
        ("r1", "unknown", "datasourceUnknown"),
        ("r2", "secret", "datasourceForbidden"),
        ("r3", "direct", "datasourceNotProxied"),
        ("r4", "html", "upstreamMalformed"),
        ("r5", "refusing", "upstreamRefused"),
        ("r6", "down", "upstreamUnreachable"),
        ("r7", "slow", "upstreamTimeout"),
        ("r8", "big", "resultTooLarge"),
        ("r9", "cut", "upstreamMalformed"),
        ("r10", "bad", "queryInvalid"),
    ] {
        let events = events_of(&relay, run, datasource).await;
        assert!(events.contains(code), "{datasource}: {events}");
        assert!(
            events.contains("RUN_FINISHED") || events.contains("RUN_ERROR"),
            "{datasource}"
        );
    }
}

/// The double has no samples for a range.
#[tokio::test]
async fn no_data_is_said_and_is_no_error() {
    let relay = Relay::start().await;
    let events = events_of(&relay, "r1", "prom").await;
    assert!(events.contains("The result is empty."), "{events}");
    assert!(events.contains("\"series\":0"), "{events}");
    assert!(events.contains("RUN_FINISHED"), "{events}");
}

#[tokio::test]
async fn a_question_without_a_datasource_asks_the_default_one() {
    let relay = Relay::start().await;
    let request = relay.post("/persai/v1/agent", &question_body("c1", "r1", "/query up"));
    let events = send(
        request
            .bearer_auth(token("alice", HOUR))
            .header("accept", "text/event-stream"),
    )
    .await
    .body;
    assert!(events.contains("persai.evidence"), "{events}");
    assert!(
        relay
            .perses
            .seen()
            .iter()
            .any(|seen| seen.target.starts_with("/proxy/globaldatasources/prom/"))
    );
}
