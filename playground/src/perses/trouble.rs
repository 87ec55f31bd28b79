//! Upstreams that misbehave, one path each, for the datasources of the same name. They record what they get.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use serde_json::{Map, Value, json};

use crate::record::{self, Recorder};

/// How long `/slow` says nothing.
const SLOW: Duration = Duration::from_secs(120);
/// Number of 1 MiB pieces that `/huge` sends.
const HUGE_PIECES: usize = 256;

/// All of them, and `/__recorded`.
pub fn router() -> Router {
    let recorder = Recorder::default();
    Router::new()
        .route("/html/{*path}", any(html))
        .route("/slow/{*path}", any(slow))
        .route("/huge/{*path}", any(huge))
        .route("/unauthorized/{*path}", any(unauthorized))
        .route("/failing/{*path}", any(failing))
        .route("/echo/sse", any(events))
        .route("/echo/{*path}", any(echo))
        .layer(from_fn_with_state(recorder.clone(), record::record))
        .merge(
            Router::new()
                .route("/__recorded", get(record::show).delete(record::forget))
                .with_state(recorder),
        )
}

async fn html() -> Response {
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        "<!doctype html><title>Sign in</title><p>Please sign in.",
    )
        .into_response()
}

async fn slow() -> Json<Value> {
    tokio::time::sleep(SLOW).await;
    Json(json!({"status": "success", "data": {"resultType": "vector", "result": []}}))
}

/// A well-formed beginning of an answer that never seems to end.
async fn huge() -> Response {
    let begin = Bytes::from_static(
        br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":["#,
    );
    let sample = br#"[1700000000,"1"],"#;
    let piece = Bytes::from(sample.repeat((1 << 20) / sample.len()));
    let pieces =
        stream::once(async { begin }).chain(stream::iter(std::iter::repeat_n(piece, HUGE_PIECES)));
    let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn unauthorized() -> Response {
    let body = Json(
        json!({"status": "error", "errorType": "unauthorized", "error": "upstream wants credentials"}),
    );
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Basic")],
        body,
    )
        .into_response()
}

async fn failing() -> Response {
    let body =
        Json(json!({"status": "error", "errorType": "internal", "error": "upstream is not well"}));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

/// What came, and a cookie that has no business on the Perses origin.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20)
        .await
        .unwrap_or_default();
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        headers.insert(
            name.to_string(),
            json!(String::from_utf8_lossy(value.as_bytes())),
        );
    }
    let answer = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    (
        [(header::SET_COOKIE, "upstream=was-here; Path=/")],
        Json(answer),
    )
        .into_response()
}

/// Five events at steps of 0.5 s.
async fn events() -> Response {
    let events = stream::iter(1..=5).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok::<_, Infallible>(Bytes::from(format!("data: {number}\n\n")))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(events),
    )
        .into_response()
}
