//! Request bodies: JSON by its name, within the cap, of the form that is asked for.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use persai_protocol::error::ErrorCode;
use serde::de::DeserializeOwned;

use super::state::AppState;
use crate::error::ApiError;

/// A body that dribbles in must not hold a connection for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that was read whole and understood.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(
                ApiError::new(ErrorCode::UnsupportedMediaType, "The body must be JSON.")
                    .hint("Send Content-Type: application/json."),
            );
        }
        let limit = state.config.max_body_bytes;
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes: u64| bytes > limit as u64) {
            return Err(too_large(limit));
        }
        let reading = axum::body::to_bytes(request.into_body(), limit);
        let bytes = tokio::time::timeout(READ_TIMEOUT, reading)
            .await
            .map_err(|_| ApiError::invalid("The body did not arrive in time."))?
            .map_err(|error| read_error(&error, limit))?;
        parse(&bytes).map(Self)
    }
}

/// `application/json`, with parameters or without.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." {
            String::new()
        } else {
            format!(" at {path}")
        };
        invalid(&place, error.inner())
    })?;
    deserializer.end().map_err(|error| invalid("", &error))?;
    Ok(value)
}

/// serde's sentence, without the values that stand in the body: a question must not come back in an error.
fn invalid(place: &str, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let what = if text.starts_with("unknown field")
        || text.starts_with("missing field")
        || text.starts_with("duplicate field")
    {
        text
    } else if error.is_data() {
        // What was sent stands before it, and may hold the same word.
        let expected = text
            .rsplit_once(", expected ")
            .map(|(_, what)| format!("expected {what}"));
        expected.unwrap_or_else(|| "a value that is not possible here".to_owned())
    } else {
        format!(
            "not well-formed JSON (line {}, column {})",
            error.line(),
            error.column()
        )
    };
    ApiError::invalid(format!("The body cannot be read{place}: {what}."))
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::BodyTooLarge,
        format!("The request is larger than {limit} bytes."),
    )
    .hint("Shorten the question or leave earlier messages out; the relay keeps them.")
}

fn read_error(error: &axum::Error, limit: usize) -> ApiError {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return too_large(limit);
        }
        source = cause.source();
    }
    ApiError::invalid("The body was cut short.")
}
