//! All routes, in one flat list. `docs/API.md` and `openapi.json` say the same; a test compares them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use persai_protocol::error::ErrorCode;

use super::state::AppState;
use super::{agent, capabilities, conversations, health, layers, openapi, runs};
use crate::error::ApiError;
use crate::front;

/// The whole server: `/persai`, and in front mode everything else as a pipe to Perses.
///
/// # Errors
/// Front mode's client cannot be set up on this machine.
pub fn build_app(state: AppState) -> Result<Router, std::io::Error> {
    let persai = persai_routes(state.clone());
    if state.config.front {
        front::in_front_of_perses(persai, &state.config.perses_url)
    } else {
        Ok(persai)
    }
}

fn persai_routes(state: AppState) -> Router {
    Router::new()
        .route("/persai/v1/capabilities", get(capabilities::read))
        .route("/persai/v1/agent", post(agent::ask))
        .route("/persai/v1/conversations", get(conversations::list))
        .route("/persai/v1/conversations/{id}", get(conversations::read))
        .route(
            "/persai/v1/conversations/{id}/events",
            get(conversations::events),
        )
        .route("/persai/v1/runs/{id}/events", get(runs::events))
        .route("/persai/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/persai/v1/health", get(health::read))
        .route("/persai/v1/openapi.json", get(openapi::read))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        // The cap is the configured one, kept where bodies are read.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(layers::guard))
        .with_state(state)
}

async fn no_such_path() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "The relay has nothing at this path.")
        .hint("GET /persai/v1/openapi.json lists what there is.")
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "This path does not take this method.",
    )
    .hint("GET /persai/v1/openapi.json lists what there is.")
}
