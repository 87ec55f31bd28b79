//! A model's failure in words for the user. Its cause goes to the operator's log and nowhere else.

use persai_protocol::error::ErrorCode;

use crate::ports::{ModelError, ModelErrorKind};

/// Code and sentence for the browser.
#[must_use]
pub fn for_user(error: &ModelError) -> (ErrorCode, String) {
    let wait = error.retry_after_secs.map_or_else(
        || " Try again in a moment.".to_owned(),
        |secs| format!(" Try again in {secs} s."),
    );
    match error.kind {
        ModelErrorKind::Auth => (
            ErrorCode::ProviderAuth,
            "The model's provider does not take the relay's key. The operator has to look at it."
                .to_owned(),
        ),
        ModelErrorKind::Overloaded => (
            ErrorCode::ProviderOverloaded,
            format!("The model's provider is overloaded.{wait}"),
        ),
        ModelErrorKind::RateLimited => (
            ErrorCode::ProviderOverloaded,
            format!("The model's provider limits how often it may be asked.{wait}"),
        ),
        ModelErrorKind::ContextTooLong => (
            ErrorCode::ContextTooLong,
            "This conversation has become too long for the model. Start a new one.".to_owned(),
        ),
        ModelErrorKind::Timeout => (
            ErrorCode::ProviderTimeout,
            format!("The model's provider did not answer in time.{wait}"),
        ),
        ModelErrorKind::Truncated => (
            ErrorCode::ProviderTruncated,
            "The answer broke off: the provider's stream ended before the answer did. Ask again."
                .to_owned(),
        ),
        ModelErrorKind::TooLarge => (
            ErrorCode::ProviderError,
            "The model's answer was larger than is allowed.".to_owned(),
        ),
        ModelErrorKind::Unreachable => (
            ErrorCode::ProviderError,
            format!("The model's provider cannot be reached.{wait}"),
        ),
        ModelErrorKind::InvalidRequest => (
            ErrorCode::ProviderError,
            "The model's provider did not take the request. The operator has to look at it."
                .to_owned(),
        ),
        ModelErrorKind::Other => (
            ErrorCode::ProviderError,
            format!("The model's provider failed.{wait}"),
        ),
    }
}

/// A stream that ended without saying so.
#[must_use]
pub fn truncated() -> ModelError {
    ModelError {
        kind: ModelErrorKind::Truncated,
        retryable: true,
        retry_after_secs: None,
        cause: "the stream closed before the answer ended".to_owned(),
    }
}
