//! `POST /persai/v1/agent`: a question starts a run.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use persai_agent::ports::DataError;
use persai_protocol::error::{ErrorBody, ErrorCode};
use persai_protocol::input::RunAgentInput;
use persai_protocol::rest::RunAccepted;

use super::body::JsonBody;
use super::state::{AppState, Inner};
use super::{question, sse};
use crate::error::ApiError;
use crate::identity::{Caller, Credentials};
use crate::perses::PersesDatasources;
use crate::runs::Resolved;

/// Starts a run, or replays the known one of that `runId`. With `Accept: text/event-stream` the answer is the run's
/// events from `RUN_STARTED` on; else it is 202, and the events come with the conversation's stream.
#[utoipa::path(
    post, path = "/persai/v1/agent", tag = "runs",
    request_body = RunAgentInput,
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "AG-UI events of the run"),
        (status = 202, body = RunAccepted),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 502, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub async fn ask(
    State(state): State<AppState>,
    headers: HeaderMap,
    caller: Caller,
    JsonBody(input): JsonBody<RunAgentInput>,
) -> Result<Response, ApiError> {
    question::check(&input, &state)?;
    let resolved = resolve(&state, &caller.credentials, &input).await?;
    let (owner, credentials) = (&caller.owner, caller.credentials);
    if wants_events(&headers) {
        let items = state
            .runs
            .start_and_follow(owner, credentials, input, resolved)
            .await?;
        return Ok(sse::stream(items, state.shutdown.clone()));
    }
    let accepted = state
        .runs
        .start(owner, credentials, input, resolved)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

/// Fills in what the question leaves open: the default datasource, the default model.
async fn resolve(
    state: &Inner,
    credentials: &Credentials,
    input: &RunAgentInput,
) -> Result<Resolved, ApiError> {
    let port = PersesDatasources::new(state.perses.clone(), credentials.clone());
    let props = input.forwarded_props.persai.as_ref();
    let datasources = match props {
        Some(props) if !props.datasources.is_empty() => props.datasources.clone(),
        _ => match port.default_prometheus().await {
            Ok(selector) => vec![selector],
            // The run itself says that there is nothing to ask.
            Err(DataError::Unknown) => Vec::new(),
            Err(error) => return Err(no_default(error)),
        },
    };
    let model_id = props
        .and_then(|props| props.model.clone())
        .unwrap_or_else(|| state.default_model.clone());
    Ok(Resolved {
        datasources,
        datasources_port: Arc::new(port),
        model_id,
    })
}

fn no_default(error: DataError) -> ApiError {
    let unreachable = || {
        ApiError::new(
            ErrorCode::PersesUnreachable,
            "The relay cannot reach Perses.",
        )
    };
    match error {
        DataError::Forbidden { missing } => {
            let error = ApiError::new(
                ErrorCode::DatasourceForbidden,
                "Perses does not let you list its datasources.",
            );
            match missing {
                Some(missing) => error.hint(format!("You lack {missing}.")),
                None => error,
            }
        }
        DataError::CredentialsExpired => crate::identity::perses::token_expired(),
        DataError::Timeout { .. } => unreachable().cause("listing the datasources took too long"),
        error => unreachable().cause(format!("listing the datasources: {error:?}")),
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}
