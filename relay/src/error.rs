//! The one error of the HTTP API: what the user reads, and beside it what only the operator's log gets.

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use persai_protocol::error::{ErrorBody, ErrorCode};

/// An error answer under `/persai`. Its status follows from its code and is never 401: a lasting 401 makes the Perses
/// UI repeat the request thousands of times.
///
/// `message` and `hint` go to the browser; `cause` goes to the log only. Neither may hold a token, a cookie or a
/// question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    pub hint: Option<String>,
    pub retry_after_secs: Option<u64>,
    /// With `runActive`: the run that is in the way.
    pub run_id: Option<String>,
    pub cause: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            retry_after_secs: None,
            run_id: None,
            cause: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    #[must_use]
    pub fn run(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// For the operator's log.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// What does not exist and what belongs to somebody else read the same.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(
            ErrorCode::Internal,
            "The relay failed to answer this request.",
        )
        .cause(cause)
    }

    pub fn storage(cause: impl fmt::Display) -> Self {
        Self::new(
            ErrorCode::StorageUnavailable,
            "The relay cannot read or write its conversation log now.",
        )
        .cause(cause)
    }

    /// The conversation already has a run that goes on.
    #[must_use]
    pub fn run_active(run_id: &str) -> Self {
        Self::new(
            ErrorCode::RunActive,
            "An answer is already being written in this conversation.",
        )
        .hint("Wait for it to end, or stop it.")
        .run(run_id)
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        status_of(self.code)
    }
}

/// The relay's HTTP status for a code. 401 is not among them.
#[must_use]
pub fn status_of(code: ErrorCode) -> StatusCode {
    use ErrorCode as C;
    match code {
        C::InvalidRequest
        | C::UnknownModel
        | C::BrowserKeyRequired
        | C::QueryInvalid
        | C::ArgumentsInvalid
        | C::UnknownTool
        | C::ContextTooLong
        | C::DatasourceNotProxied => StatusCode::BAD_REQUEST,
        C::BodyTooLarge | C::ResultTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        C::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        C::NotFound | C::DatasourceUnknown => StatusCode::NOT_FOUND,
        C::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        C::PersesTokenExpired
        | C::CrossSiteRefused
        | C::Forbidden
        | C::DatasourceForbidden
        | C::EndpointNotAllowed
        | C::QueryRefused => StatusCode::FORBIDDEN,
        C::RunActive | C::Cancelled => StatusCode::CONFLICT,
        C::RateLimited | C::BudgetSpent => StatusCode::TOO_MANY_REQUESTS,
        C::PersesUnreachable
        | C::UpstreamUnreachable
        | C::UpstreamRefused
        | C::UpstreamMalformed
        | C::UpstreamError
        | C::ProviderAuth
        | C::ProviderError
        | C::ProviderTruncated => StatusCode::BAD_GATEWAY,
        C::UpstreamTimeout | C::ProviderTimeout => StatusCode::GATEWAY_TIMEOUT,
        C::StorageUnavailable | C::Draining | C::ProviderOverloaded | C::RelayRestarted => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        C::Internal | C::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Put on every error answer, so that the request log can name the code and the cause.
#[derive(Debug, Clone)]
pub struct ErrorTrace {
    pub code: ErrorCode,
    pub cause: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let trace = ErrorTrace {
            code: self.code,
            cause: self.cause,
        };
        let body = ErrorBody {
            code: self.code,
            message: self.message,
            hint: self.hint,
            retry_after_secs: self.retry_after_secs,
            run_id: self.run_id,
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(secs) = self.retry_after_secs {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response.extensions_mut().insert(trace);
        response
    }
}
