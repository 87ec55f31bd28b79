//! A token is seen by Perses and by nobody else.

use std::path::Path;

use crate::support::token::{HOUR, cookies, token};
use crate::support::{Relay, captured_log, question_body, send};

fn files(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(files(&path))
        } else {
            bytes.extend(std::fs::read(path).unwrap())
        }
    }
    bytes
}

#[tokio::test]
async fn the_token_is_in_no_log_line_event_error_or_file() {
    let relay = Relay::start().await;
    let canary = token("canary-user", HOUR);
    let question = "/query up # canary-question";
    let mut answers = Vec::new();
    for (run, body) in [
        ("r1", question.to_owned()),
        ("r2", "canary-question how many?".to_owned()),
    ] {
        let request = relay.post("/persai/v1/agent", &question_body("c1", run, &body));
        let request = request
            .header("cookie", cookies(&canary))
            .header("x-persai", "1")
            .header("origin", relay.origin());
        answers.push(send(request.header("accept", "text/event-stream")).await);
    }
    let broken = relay
        .http
        .post(relay.url("/persai/v1/agent"))
        .header("content-type", "application/json");
    answers.push(send(broken.bearer_auth(&canary).body("{\"canary-question\"")).await);
    answers.push(
        send(
            relay
                .get("/persai/v1/runs/nope/events")
                .bearer_auth(&canary),
        )
        .await,
    );
    answers.push(
        send(
            relay
                .get("/persai/v1/conversations")
                .bearer_auth(format!("{canary}x")),
        )
        .await,
    );
    answers.push(send(relay.get("/persai/v1/capabilities").bearer_auth(&canary)).await);
    answers.push(send(relay.get("/persai/v1/health").bearer_auth(&canary)).await);
    assert!(
        answers[0].body.contains("RUN_FINISHED"),
        "{}",
        answers[0].body
    );

    let parts: Vec<&str> = canary.split('.').collect();
    let secrets = [canary.as_str(), parts[1], "canary-refresh-token"];
    let log = captured_log();
    let stored = String::from_utf8_lossy(&files(relay.dir.path())).into_owned();
    assert!(
        log.contains("/persai/v1/agent") && stored.contains("canary-question"),
        "both were really read"
    );
    for secret in secrets {
        assert!(!log.contains(secret), "a log line holds the token");
        assert!(!stored.contains(secret), "a file holds the token");
        for answer in &answers {
            assert!(
                !format!("{answer:?}").contains(secret),
                "an answer holds the token: {answer:?}"
            );
        }
    }
    assert!(
        !log.contains("canary-question"),
        "a log line holds the question"
    );
    assert!(!log.contains("canary-user"), "a log line names the user");
}
