//! The one error shape of the REST API, and the codes that every part uses for what went wrong.

use serde::{Deserialize, Serialize};

/// Body of every non-2xx answer under `/persai`. Never with status 401 (DESIGN §3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    pub code: ErrorCode,
    /// A sentence for the user: what, and why. No secrets, no upstream bodies.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_secs: Option<u64>,
    /// With `runActive`: the run that is in the way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_id: Option<String>,
}

/// What went wrong. On the wire in camelCase; the status beside each is the relay's HTTP status for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// 400: the body or a parameter does not have the form that is asked for.
    InvalidRequest,
    /// 413
    BodyTooLarge,
    /// 415
    UnsupportedMediaType,
    /// 404: also for what belongs to somebody else.
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 400
    UnknownModel,
    /// 403: no token, an expired one, or one that Perses does not take. The plugin refreshes once and repeats once.
    PersesTokenExpired,
    /// 403: cookies without our header, JSON or a known Origin.
    CrossSiteRefused,
    /// 403
    Forbidden,
    /// 409
    RunActive,
    /// 429
    RateLimited,
    /// 400: without authentication at Perses, a browser key is needed to keep histories apart.
    BrowserKeyRequired,
    /// 502
    PersesUnreachable,
    /// 503
    StorageUnavailable,
    /// 503
    Draining,
    /// 500
    Internal,

    // What a tool call or a run can meet; sent in events, not as a status.
    DatasourceUnknown,
    DatasourceForbidden,
    /// It has a `directUrl`: the browser would call it without Perses, so the relay cannot.
    DatasourceNotProxied,
    /// The datasource's `allowedEndpoints` leave this out.
    EndpointNotAllowed,
    UpstreamUnreachable,
    UpstreamTimeout,
    /// The datasource's own upstream refuses Perses (its 401 or 403).
    UpstreamRefused,
    /// Not the JSON of the datasource's API: HTML, cut, or of another shape.
    UpstreamMalformed,
    UpstreamError,
    ResultTooLarge,
    QueryInvalid,
    QueryRefused,
    ArgumentsInvalid,
    UnknownTool,
    ProviderAuth,
    ProviderError,
    ProviderOverloaded,
    /// The provider's stream ended before its answer did.
    ProviderTruncated,
    ProviderTimeout,
    ContextTooLong,
    BudgetSpent,
    Cancelled,
    /// The relay went down in mid-run; what was answered is kept.
    RelayRestarted,
    /// Of a newer relay.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The code as it stands on the wire, for fields that are plain text there.
    #[must_use]
    pub fn as_wire(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(text)) => text,
            _ => "unknown".to_owned(),
        }
    }
}
