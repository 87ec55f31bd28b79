//! Statuses, redirects, keys, and the end of a connection.

use std::time::Duration;

use futures::StreamExt;
use persai_agent::ports::{ModelErrorKind, ModelEvent};

use crate::support::*;

fn status(line: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![Step::Send(
        format!("HTTP/1.1 {line}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}").into_bytes(),
    )]
}

#[tokio::test]
async fn http_4xx_5xx_have_their_kinds() {
    use ModelErrorKind as Kind;
    let json = r#"{"error":{"message":"no","type":"x"}}"#;
    let cases = [
        ("400 Bad Request", Kind::InvalidRequest, false),
        ("401 Unauthorized", Kind::Auth, false),
        ("403 Forbidden", Kind::Auth, false),
        ("404 Not Found", Kind::InvalidRequest, false),
        ("413 Payload Too Large", Kind::ContextTooLong, false),
        ("429 Too Many Requests", Kind::RateLimited, true),
        ("500 Internal Server Error", Kind::Other, true),
        ("503 Service Unavailable", Kind::Overloaded, true),
        ("529 Overloaded", Kind::Overloaded, true),
    ];
    for (line, kind, retryable) in cases {
        for body in [json, "<html><body>no</body></html>", ""] {
            let (events, _) =
                answer(status(line, "content-type: application/json\r\n", body)).await;
            let error = error(&events);
            assert_eq!(
                (error.kind, error.retryable),
                (kind, retryable),
                "{line} {body:?}"
            );
            assert!(error.cause.contains(&line[..3]), "{error:?}");
        }
    }
    let full = r#"{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#;
    let (events, _) = answer(status(
        "400 Bad Request",
        "content-type: application/json\r\n",
        full,
    ))
    .await;
    assert_eq!(error(&events).kind, Kind::ContextTooLong);
}

#[tokio::test]
async fn http_retry_after_is_read_and_capped() {
    for (header, expected) in [
        ("retry-after: 7\r\n", Some(7)),
        ("retry-after-ms: 1500\r\n", Some(2)),
        ("retry-after: soon\r\n", None),
        ("retry-after: 1000000000\r\n", Some(3600)),
        ("", None),
    ] {
        let (events, _) = answer(status("429 Too Many Requests", header, "{}")).await;
        assert_eq!(error(&events).retry_after_secs, expected, "{header:?}");
    }
}

#[tokio::test]
async fn http_big_error_becomes_a_short_cause() {
    let (events, _) = answer(status(
        "500 Internal Server Error",
        "",
        &"x".repeat(4 * 1024 * 1024),
    ))
    .await;
    assert!(error(&events).cause.chars().count() <= 200);
}

#[tokio::test]
async fn http_200_that_is_no_stream_names_what_it_is() {
    let (events, _) = answer(status(
        "200 OK",
        "content-type: text/html\r\n",
        "<html></html>",
    ))
    .await;
    assert!(
        error(&events).cause.contains("text/html"),
        "{:?}",
        error(&events)
    );
}

#[tokio::test]
async fn http_redirect_is_refused_and_the_other_host_sees_nothing() {
    let other = Server::start(sse(&chunks(&[&finish("stop")]))).await;
    let location = format!(
        "location: http://127.0.0.1:{}/v1/chat/completions\r\n",
        other.port
    );
    let (events, _) = answer(status("307 Temporary Redirect", &location, "")).await;
    let error = error(&events);
    assert_eq!(
        (error.kind, error.retryable),
        (ModelErrorKind::InvalidRequest, false)
    );
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let events = events(model(port).as_ref(), ask(vec![user("hi")])).await;
    let error = error(&events);
    assert_eq!(
        (error.kind, error.retryable),
        (ModelErrorKind::Unreachable, true),
        "{error:?}"
    );
}

#[tokio::test]
async fn key_none_sends_no_key_header() {
    let (_, server) = answer(sse(&chunks(&[&finish("stop")]))).await;
    let request = server.requests()[0].to_ascii_lowercase();
    for name in ["authorization", "x-api-key", "api-key", "key="] {
        assert!(!request.contains(name), "{name} in {request}");
    }
}

#[tokio::test]
async fn a_key_goes_to_the_provider_and_into_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-CANARY-4711\n").unwrap();
    let more =
        format!("api_key_file = {file:?}\n[providers.headers]\nx-tenant = \"HEADER-CANARY\"\n");
    let echo =
        r#"{"error":{"message":"Incorrect API key provided: sk-CANARY-4711, HEADER-CANARY"}}"#;
    let scripts = [
        status(
            "401 Unauthorized",
            "content-type: application/json\r\n",
            echo,
        ),
        status(
            "400 Bad Request",
            "",
            &format!("{}sk-CANARY-4711", "x".repeat(185)),
        ),
        sse(&format!("data: {echo}\n\n")),
        sse("data: {\"choi\n\n"),
        status(
            "307 Temporary Redirect",
            "location: http://sk-CANARY-4711@127.0.0.1:1/\r\n",
            "",
        ),
        vec![Step::Reset],
    ];
    for script in scripts {
        let server = Server::start(script).await;
        let models = models(server.port, &more);
        let model = models.get("test").unwrap();
        let events = events(model.as_ref(), ask(vec![user("hi")])).await;
        let shown = format!("{events:?} {:?} {:?}", model.describe(), models.list());
        assert!(
            !shown.contains("CANARY") && !shown.contains("sk-"),
            "{shown}"
        );
        assert!(matches!(events.last(), Some(ModelEvent::Error(_))));
        assert!(server.requests()[0].contains("authorization: Bearer sk-CANARY-4711\r\n"));
        assert!(server.requests()[0].contains("x-tenant: HEADER-CANARY\r\n"));
    }
}

#[tokio::test]
async fn drop_closes_the_connection() {
    let first = format!("{SSE}data: {}\n\n", delta(r#"{"content":"a"}"#));
    let mut server = Server::start(vec![Step::Send(first.into_bytes()), Step::Hold]).await;
    let mut stream = model(server.port).stream(ask(vec![user("hi")]));
    assert_eq!(stream.next().await, Some(ModelEvent::TextDelta("a".into())));
    drop(stream);
    tokio::time::timeout(Duration::from_millis(100), server.closed())
        .await
        .expect("still open");

    // And before the first byte.
    let mut server = Server::start(vec![Step::Hold]).await;
    let mut stream = model(server.port).stream(ask(vec![user("hi")]));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), stream.next())
            .await
            .is_err()
    );
    drop(stream);
    tokio::time::timeout(Duration::from_millis(100), server.closed())
        .await
        .expect("still open");
}

#[tokio::test]
async fn nothing_is_sent_until_the_stream_is_polled() {
    let server = Server::start(vec![Step::Hold]).await;
    let stream = model(server.port).stream(ask(vec![user("hi")]));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 0);
    drop(stream);
}

#[tokio::test]
async fn the_list_names_where_questions_go_and_always_has_the_engine() {
    let models = models(8099, "title = \"Mine\"\n");
    let list = models.list();
    assert_eq!(list[0].sent_to.as_deref(), Some("127.0.0.1:8099"));
    assert_eq!((list[0].title.as_str(), list[0].builtin), ("Mine", false));
    assert_eq!(
        (
            list[1].id.as_str(),
            list[1].builtin,
            list[1].sent_to.clone()
        ),
        ("builtin", true, None)
    );
    assert_eq!(models.default_model(), "test");
    assert!(models.get("builtin").is_some() && models.get("other").is_none());
}
