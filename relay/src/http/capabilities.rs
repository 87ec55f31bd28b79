//! `GET /persai/v1/capabilities`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use persai_protocol::rest::{Capabilities, ProtocolRange};
use persai_protocol::{AGUI_VERSION, PRODUCT, PROTOCOL_MAX, PROTOCOL_MIN};

use super::state::AppState;

/// What this relay can do. Answered to anybody; `user` is there where a good token came.
#[utoipa::path(
    get, path = "/persai/v1/capabilities", tag = "relay",
    responses((status = 200, body = Capabilities))
)]
pub async fn read(State(state): State<AppState>, headers: HeaderMap) -> Json<Capabilities> {
    let (authentication, user) = state.identity.describe(&headers).await;
    Json(Capabilities {
        product: PRODUCT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: ProtocolRange {
            min: PROTOCOL_MIN,
            max: PROTOCOL_MAX,
        },
        authentication,
        user,
        models: state.models.clone(),
        default_model: state.default_model.clone(),
        ag_ui_version: AGUI_VERSION.to_owned(),
        ignored_inputs: ["tools", "state", "context"].map(str::to_owned).into(),
        max_question_bytes: state.config.max_question_bytes as u64,
    })
}
