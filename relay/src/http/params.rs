//! Ids in paths and `after` in queries.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use persai_protocol::id::is_valid_id;

use crate::error::ApiError;

/// The `{id}` of a path. What cannot be an id is not found.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| nothing())?;
        params
            .iter()
            .find_map(|(name, value)| {
                (name == "id" && is_valid_id(value)).then(|| Self(value.to_owned()))
            })
            .ok_or_else(nothing)
    }
}

fn nothing() -> ApiError {
    ApiError::not_found("conversation or run")
}

/// The seq after which events are asked for: `?after=`, else `Last-Event-ID`; absent means from the start.
pub struct After(pub Option<u64>);

const LAST_EVENT_ID: &str = "last-event-id";

impl<S: Send + Sync> FromRequestParts<S> for After {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let mut after = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name != "after" {
                return Err(ApiError::invalid(
                    "The only query parameter that is known here is after.",
                ));
            }
            after = Some(seq("after", &value)?);
        }
        if after.is_none() {
            let header = parts.headers.get(LAST_EVENT_ID);
            after = header
                .map(|value| seq("Last-Event-ID", value.to_str().unwrap_or_default()))
                .transpose()?;
        }
        Ok(Self(after))
    }
}

fn seq(name: &str, value: &str) -> Result<u64, ApiError> {
    value.parse().map_err(|_| {
        ApiError::invalid(format!(
            "{name} must be a whole number, as the stream's ids are."
        ))
    })
}
