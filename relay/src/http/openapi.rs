//! `GET /persai/v1/openapi.json`, made from the handlers.

use axum::Json;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{agent, capabilities, conversations, health, runs};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "PersAI relay",
        description = "The REST API and event streams under /persai. No answer has status 401."
    ),
    paths(
        capabilities::read,
        agent::ask,
        conversations::list,
        conversations::read,
        conversations::events,
        runs::events,
        runs::cancel,
        health::read,
        read,
    )
)]
struct Document;

/// The whole description.
#[must_use]
pub fn document() -> OpenApi {
    Document::openapi()
}

/// This description.
#[utoipa::path(get, path = "/persai/v1/openapi.json", tag = "relay", responses((status = 200, body = Object)))]
pub async fn read() -> Json<OpenApi> {
    Json(document())
}
