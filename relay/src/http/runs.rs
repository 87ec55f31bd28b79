//! Runs: the events of one, and its end by hand.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use persai_protocol::error::ErrorBody;
use persai_protocol::rest::{CancelRun, RunSummary};

use super::body::JsonBody;
use super::params::{After, Id};
use super::sse;
use super::state::AppState;
use crate::error::ApiError;
use crate::identity::Caller;

/// One run from `RUN_STARTED`, or after `after`, to its last event.
#[utoipa::path(
    get, path = "/persai/v1/runs/{id}/events", tag = "runs",
    params(
        ("id" = String, Path),
        ("after" = Option<u64>, Query, description = "Last seq that the reader has"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same; `after` goes before it"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "AG-UI events with their seq"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 502, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub async fn events(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id,
    After(after): After,
) -> Result<Response, ApiError> {
    let items = state.runs.follow_run(&caller.owner, &id, after).await?;
    Ok(sse::stream(items, state.shutdown.clone()))
}

/// Stops a run. The stop is on disk before this answers; a run that has ended stays as it is.
#[utoipa::path(
    post, path = "/persai/v1/runs/{id}/cancel", tag = "runs",
    params(("id" = String, Path)),
    request_body = CancelRun,
    responses(
        (status = 200, body = RunSummary),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 502, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id,
    JsonBody(CancelRun {}): JsonBody<CancelRun>,
) -> Result<Json<RunSummary>, ApiError> {
    state.runs.cancel(&caller.owner, &id).await.map(Json)
}
