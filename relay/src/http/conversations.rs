//! Conversations: the list, one of them, and its one event stream.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use persai_protocol::error::ErrorBody;
use persai_protocol::rest::{ConversationList, ConversationSummary};

use super::params::{After, Id};
use super::sse;
use super::state::AppState;
use crate::error::ApiError;
use crate::identity::Caller;

/// The asker's conversations, newest first.
#[utoipa::path(
    get, path = "/persai/v1/conversations", tag = "conversations",
    responses(
        (status = 200, body = ConversationList),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 502, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<ConversationList>, ApiError> {
    let conversations = state.runs.list(&caller.owner).await?;
    Ok(Json(ConversationList { conversations }))
}

/// One conversation.
#[utoipa::path(
    get, path = "/persai/v1/conversations/{id}", tag = "conversations",
    params(("id" = String, Path)),
    responses(
        (status = 200, body = ConversationSummary),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 502, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<ConversationSummary>, ApiError> {
    state.runs.get(&caller.owner, &id).await.map(Json)
}

/// The history after `after`, `persai.caughtUp`, and then all runs of the conversation as they happen.
#[utoipa::path(
    get, path = "/persai/v1/conversations/{id}/events", tag = "conversations",
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
    let items = state
        .runs
        .follow_conversation(&caller.owner, &id, after)
        .await?;
    Ok(sse::stream(items, state.shutdown.clone()))
}
