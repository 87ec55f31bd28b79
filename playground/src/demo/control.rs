//! A small listener with which a test steers the demo.
//!
//! | method | path | what |
//! | --- | --- | --- |
//! | GET | `/` | the JSON that `--json` prints |
//! | POST | `/kill-relay` | SIGKILL, in mid-answer if need be |
//! | POST | `/start-relay` | starts it again on the same port and data, answers when it is up |
//! | POST | `/stop` | ends the demo |

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, mpsc};

use super::relay::Relay;

#[derive(Clone)]
pub struct Control {
    pub relay: Arc<Mutex<Option<Relay>>>,
    pub stop: mpsc::Sender<()>,
    /// Set once everything is up.
    pub summary: Arc<OnceCell<Value>>,
}

pub fn router(control: Control) -> Router {
    Router::new()
        .route("/", get(summary))
        .route("/kill-relay", post(kill_relay))
        .route("/start-relay", post(start_relay))
        .route("/stop", post(stop))
        .with_state(control)
}

async fn summary(State(control): State<Control>) -> Response {
    match control.summary.get() {
        Some(summary) => Json(summary.clone()).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
    }
}

async fn kill_relay(State(control): State<Control>) -> StatusCode {
    if let Some(relay) = control.relay.lock().await.as_mut() {
        relay.kill().await;
    }
    StatusCode::NO_CONTENT
}

async fn start_relay(State(control): State<Control>) -> Response {
    let mut relay = control.relay.lock().await;
    let Some(relay) = relay.as_mut() else {
        return (
            StatusCode::CONFLICT,
            "this demo was started without a relay\n",
        )
            .into_response();
    };
    match relay.start().await {
        Ok(()) => Json(json!({"relayPid": relay.pid()})).into_response(),
        Err(failure) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{failure}\n")).into_response(),
    }
}

async fn stop(State(control): State<Control>) -> StatusCode {
    // Full: it is being stopped already.
    let _ = control.stop.try_send(());
    StatusCode::NO_CONTENT
}
