//! Answers scrapes: `/metrics/shop-1` to `shop-3` and `/metrics/host-1` to `host-3`, at the time of the request. Records what it gets.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::targets;
use crate::failure::Failure;
use crate::net::{self, Server};
use crate::record::{self, Recorder, now_ms};

/// Starts it.
///
/// # Errors
/// The address is taken.
pub async fn start(listen: SocketAddr) -> Result<Server, Failure> {
    let recorder = Recorder::default();
    let router = Router::new()
        .route("/metrics/{instance}", get(metrics))
        .layer(from_fn_with_state(recorder.clone(), record::record))
        .merge(
            Router::new()
                .route("/__recorded", get(record::show).delete(record::forget))
                .with_state(recorder),
        );
    net::serve(router, listen).await
}

async fn metrics(Path(name): Path<String>) -> Response {
    match targets::all().find(|target| target.name == name) {
        Some(target) => {
            let at_secs = now_ms() as f64 / 1000.0;
            (
                [(header::CONTENT_TYPE, target.content_type)],
                target.scrape(at_secs),
            )
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such instance\n").into_response(),
    }
}
