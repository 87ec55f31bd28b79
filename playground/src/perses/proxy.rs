//! The datasource proxy: any method, the user's own permissions, `allowedEndpoints`, streaming.
//!
//! Like Perses it hands the upstream the Authorization header (also one made of cookies) and all cookies, and passes the
//! upstream's status, body and `Set-Cookie` back.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use regex::Regex;
use serde_json::Value;

use super::Perses;
use super::answer::Refusal;
use super::datasources::check_read;
use super::go_path;
use super::identity::identify;

/// Between two neighbours only (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Any method on `/proxy/globaldatasources/{name}/{*path}`
pub async fn global(
    State(perses): State<Arc<Perses>>,
    Path((name, _)): Path<(String, String)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Refusal> {
    forward(&perses, None, &name, 3, peer, request).await
}

/// Any method on `/proxy/projects/{project}/datasources/{name}/{*path}`
pub async fn of_project(
    State(perses): State<Arc<Perses>>,
    Path((project, name, _)): Path<(String, String, String)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Refusal> {
    forward(&perses, Some(&project), &name, 5, peer, request).await
}

/// `prefix_segments` of the path are Perses'; the rest, as it was sent, is the datasource's.
async fn forward(
    perses: &Perses,
    project: Option<&str>,
    name: &str,
    prefix_segments: usize,
    peer: SocketAddr,
    request: Request,
) -> Result<Response, Refusal> {
    let identity = identify(perses, request.headers())?;
    check_read(perses, &identity.login, project)?;
    let datasource = perses.world.datasource(project, name).ok_or_else(|| {
        let message = format!(
            "document not found: unable to forward the request to the datasource {name:?}, datasource doesn't exist"
        );
        Refusal::new(StatusCode::NOT_FOUND, message)
    })?;
    // Without a proxy of its own (a directUrl) Perses 0.53 answers just this.
    let settings = datasource
        .http_proxy()
        .ok_or_else(|| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error"))?;
    let (parts, body) = request.into_parts();
    let rest = parts.uri.path().splitn(prefix_segments + 2, '/').last();
    let path = go_path::seen(&format!("/{}", rest.unwrap_or_default()));
    if !is_allowed(settings, parts.method.as_str(), &path) {
        let method = &parts.method;
        return Err(Refusal::forbidden(&format!(
            "you are not allowed to use this endpoint {path:?} with the HTTP method {method}"
        )));
    }

    let base = settings
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim_end_matches('/');
    let query = parts
        .uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let headers = upstream_headers(
        &parts.headers,
        settings,
        identity.authorization.as_deref(),
        peer,
    );
    // The recorder has read the body already, within its limit.
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| internal(&error))?;
    let answer = perses
        .upstream
        .request(
            parts.method,
            format!("{base}{}{query}", go_path::sent(&path)),
        )
        .headers(headers)
        .body(body)
        .send()
        .await
        .map_err(|error| unreachable_upstream(base, &error))?;

    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        if !is_hop_by_hop(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    Ok(response)
}

/// Method equality and an unanchored pattern; an empty list allows everything.
fn is_allowed(settings: &Value, method: &str, path: &str) -> bool {
    let Some(list) = settings
        .get("allowedEndpoints")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
    else {
        return true;
    };
    let text = |entry: &Value, key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    list.iter().any(|entry| {
        text(entry, "method") == method
            && Regex::new(&text(entry, "endpointPattern"))
                .is_ok_and(|pattern| pattern.is_match(path))
    })
}

fn upstream_headers(
    sent: &HeaderMap,
    settings: &Value,
    authorization: Option<&str>,
    peer: SocketAddr,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        if !is_hop_by_hop(name) && *name != header::HOST && *name != header::CONTENT_LENGTH {
            headers.append(name, value.clone());
        }
    }
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    if let Some(value) = authorization {
        set("authorization", value);
    }
    if !sent.contains_key("x-real-ip") {
        set("x-real-ip", &peer.ip().to_string());
    }
    if !sent.contains_key("x-forwarded-proto") {
        set("x-forwarded-proto", "http");
    }
    let before = sent
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let peer = peer.ip().to_string();
    set(
        "x-forwarded-for",
        &before.map_or_else(|| peer.clone(), |list| format!("{list}, {peer}")),
    );
    for (name, value) in settings
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = HeaderName::try_from(name.as_str())
            .ok()
            .filter(|name| *name != header::AUTHORIZATION);
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::try_from(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    headers
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&name.as_str())
}

/// In the words of Go's dialer where nothing listens.
fn unreachable_upstream(base: &str, error: &reqwest::Error) -> Refusal {
    if !error.is_connect() {
        return internal(error);
    }
    let address = base.split('/').nth(2).unwrap_or(base);
    let message = format!("dial tcp {address}: connect: connection refused");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// Perses answers 500 with the error of its HTTP client.
fn internal(error: &dyn Error) -> Refusal {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, deepest.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_allowed;
    use serde_json::json;

    #[test]
    fn patterns_are_unanchored_and_methods_equal() {
        let settings =
            json!({"allowedEndpoints": [{"endpointPattern": "/api/v1/query", "method": "GET"}]});
        assert!(is_allowed(&settings, "GET", "/api/v1/query"));
        assert!(is_allowed(&settings, "GET", "/api/v1/query_range"));
        assert!(!is_allowed(&settings, "GET", "/api/v1/labels"));
        assert!(!is_allowed(&settings, "POST", "/api/v1/query"));
        assert!(is_allowed(&json!({}), "DELETE", "/anything"));
    }
}
