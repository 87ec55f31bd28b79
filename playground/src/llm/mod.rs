//! A stand-in for an OpenAI-compatible provider: chat completions, streamed, word by word as the real wire has them.
//!
//! What it says is in scripts ([`script`]); [`wire`] turns their steps into bytes; [`gates`] lets a test hold an answer
//! at a named point. It is no model and says so.
//!
//! | method | path | what |
//! | --- | --- | --- |
//! | POST | `/v1/chat/completions` | an answer by the script that fits |
//! | GET | `/v1/models` | one per script that names a model |
//! | GET | `/__gate/{name}` | `{"open": bool, "waiting": n}` |
//! | POST | `/__gate/{name}/open` | lets every answer through that waits there, now and later |
//! | GET | `/__active` | number of answers that are being sent |
//! | GET, DELETE | `/__recorded` | every request so far, with all headers and the whole body |
//! | POST | `/__reset` | closes the gates, forgets the requests |

pub mod gates;
pub mod script;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::failure::Failure;
use crate::net::{self, Server};
use crate::record::{self, Recorder};
use gates::Gates;
use script::{Asked, Scripts};

struct Llm {
    scripts: Scripts,
    gates: Gates,
    active: Arc<AtomicUsize>,
    recorder: Recorder,
}

/// Starts it.
///
/// # Errors
/// The address is taken.
pub async fn start(listen: SocketAddr, scripts: Scripts) -> Result<Server, Failure> {
    let recorder = Recorder::default();
    let llm = Arc::new(Llm {
        scripts,
        gates: Gates::default(),
        active: Arc::default(),
        recorder: recorder.clone(),
    });
    let router = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(from_fn_with_state(recorder.clone(), record::record))
        .route("/__gate/{name}", get(show_gate))
        .route("/__gate/{name}/open", post(open_gate))
        .route("/__active", get(active))
        .route("/__reset", post(reset))
        .with_state(llm)
        .merge(
            Router::new()
                .route("/__recorded", get(record::show).delete(record::forget))
                .with_state(recorder),
        );
    net::serve(router, listen).await
}

async fn complete(State(llm): State<Arc<Llm>>, body: Bytes) -> Response {
    let asked = match serde_json::from_slice::<Value>(&body) {
        Ok(request) => Asked::read(&request, body.len()),
        Err(error) => return refuse(&format!("the body is not JSON: {error}")),
    };
    if !asked.stream {
        return refuse("this stand-in answers with stream: true only");
    }
    let Some(round) = llm.scripts.round(&asked) else {
        return refuse("no script fits, and there is no script named 'default'");
    };
    if let Some(status) = round.status {
        let mut response = Response::new(Body::from(round.body.clone()));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &round.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::try_from(value),
            ) {
                response.headers_mut().insert(name, value);
            }
        }
        return response;
    }
    let (sender, receiver) = mpsc::channel(8);
    let round = round.clone();
    let answering = Active::start(&llm.active);
    tokio::spawn(async move {
        wire::send_round(&round, &asked, &llm.gates, &sender).await;
        drop(answering);
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(ReceiverStream::new(receiver))).into_response()
}

/// An error in the provider's own shape.
fn refuse(message: &str) -> Response {
    let error = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

async fn models(State(llm): State<Arc<Llm>>) -> Json<Value> {
    let data: Vec<Value> = llm
        .scripts
        .models()
        .map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "persai-playground"}))
        .collect();
    Json(json!({"object": "list", "data": data}))
}

async fn show_gate(State(llm): State<Arc<Llm>>, Path(name): Path<String>) -> Json<Value> {
    let (open, waiting) = llm.gates.state(&name);
    Json(json!({"open": open, "waiting": waiting}))
}

async fn open_gate(State(llm): State<Arc<Llm>>, Path(name): Path<String>) -> StatusCode {
    llm.gates.open(&name);
    StatusCode::NO_CONTENT
}

async fn active(State(llm): State<Arc<Llm>>) -> Json<usize> {
    Json(llm.active.load(Ordering::SeqCst))
}

async fn reset(State(llm): State<Arc<Llm>>) -> StatusCode {
    llm.gates.close_all();
    llm.recorder.clear();
    StatusCode::NO_CONTENT
}

/// Counts an answer for as long as it lives.
struct Active(Arc<AtomicUsize>);

impl Active {
    fn start(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
