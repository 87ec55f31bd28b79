//! Around every answer under `/persai`: safe headers, no 401, and one log line that holds no content.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use crate::error::{ApiError, ErrorTrace};

/// Filled once it is known who asks: 8 hex digits of a hash of the owner.
#[derive(Debug, Clone, Default)]
pub struct LogOwner(Arc<OnceLock<String>>);

impl LogOwner {
    pub fn set(&self, prefix: String) {
        let _ = self.0.set(prefix);
    }
}

pub async fn guard(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The path itself may hold ids; the log names the route.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let owner = LogOwner::default();
    request.extensions_mut().insert(owner.clone());

    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        response = ApiError::internal("a handler answered 401").into_response();
    }
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

    let status = response.status().as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let owner = owner.0.get().map_or("-", String::as_str);
    match response.extensions().get::<ErrorTrace>() {
        None => tracing::info!(%method, route, status, duration_ms, owner, "request"),
        Some(ErrorTrace { code, cause }) => {
            let (code, cause) = (code.as_wire(), cause.as_deref().unwrap_or("-"));
            if status >= 500 {
                tracing::warn!(%method, route, status, duration_ms, owner, code, cause, "request");
            } else {
                tracing::info!(%method, route, status, duration_ms, owner, code, cause, "request");
            }
        }
    }
    response
}
