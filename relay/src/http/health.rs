//! `GET /persai/v1/health`: each part by itself, without addresses or causes.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use persai_protocol::rest::Authentication;
use serde::Serialize;

use super::state::AppState;
use crate::identity::Owner;

/// Perses is asked at most this often, however often health is.
const PERSES_MAX_AGE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether every part is well.
    pub ok: bool,
    pub perses: PersesHealth,
    pub storage: PartHealth,
    pub providers: Vec<ProviderHealth>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartHealth {
    pub ok: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersesHealth {
    pub ok: bool,
    pub authentication: Authentication,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderHealth {
    pub id: String,
    /// `builtIn`: works without anything. `notChecked`: configured; it is asked only with a question.
    pub state: &'static str,
}

/// 200 where every part is well, else 503. A Perses that cannot be reached keeps everybody out.
#[utoipa::path(
    get, path = "/persai/v1/health", tag = "relay",
    responses((status = 200, body = Health), (status = 503, body = Health))
)]
pub async fn read(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let authentication = match state
        .identity
        .perses()
        .authenticates_within(PERSES_MAX_AGE)
        .await
    {
        Ok(true) => Authentication::Perses,
        Ok(false) => Authentication::None,
        Err(_) => Authentication::Unknown,
    };
    let perses = PersesHealth {
        ok: authentication != Authentication::Unknown,
        authentication,
    };
    // A list of nobody's conversations reads the log and finds nothing.
    let storage = PartHealth {
        ok: state.runs.list(&Owner::user("")).await.is_ok(),
    };
    let providers = state
        .models
        .iter()
        .map(|model| ProviderHealth {
            id: model.id.clone(),
            state: if model.builtin {
                "builtIn"
            } else {
                "notChecked"
            },
        })
        .collect();
    let ok = perses.ok && storage.ok;
    let status = if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Health {
            ok,
            perses,
            storage,
            providers,
        }),
    )
}
