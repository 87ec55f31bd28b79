//! The extractor that every handler with an owner takes: who asks, after the cross-site check.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::cross_site;
use super::layers::LogOwner;
use super::state::AppState;
use crate::error::ApiError;
use crate::identity::Caller;

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        cross_site::check(parts, &state.config.public_origins)?;
        let caller = state.identity.caller(&parts.headers).await?;
        if let Some(log) = parts.extensions.get::<LogOwner>() {
            log.set(caller.owner.log_prefix());
        }
        Ok(caller)
    }
}
