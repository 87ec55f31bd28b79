//! Whether a changing request comes from our own page. Nothing changes on GET or HEAD, so those are never asked.

use http::request::Parts;
use http::{HeaderMap, Method, header};
use persai_protocol::error::ErrorCode;
use url::Url;

use super::body::is_json;
use crate::error::ApiError;
use crate::identity::token::{has_login_cookie, presented};

/// A header that a foreign page cannot send without asking first, and nobody is ever answered.
const OUR_HEADER: &str = "x-persai";

/// Where a browser may have added the login cookies by itself: JSON, `X-PersAI: 1`, and an `Origin` of ours.
/// With `Authorization` and no login cookie nothing is asked. Without any login an `Origin`, if sent, must be ours.
///
/// # Errors
/// `crossSiteRefused`, naming what is missing.
pub fn check(parts: &Parts, public_origins: &[String]) -> Result<(), ApiError> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = &parts.headers;
    if has_login_cookie(headers) {
        if !is_json(headers) {
            return Err(refused("the Content-Type is not application/json"));
        }
        if headers.get(OUR_HEADER).is_none_or(|value| value != "1") {
            return Err(refused("the header X-PersAI: 1 is missing"));
        }
        let origin = headers
            .get(header::ORIGIN)
            .ok_or_else(|| refused("the Origin is missing"))?;
        return check_origin(origin.to_str().ok(), parts, public_origins);
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if presented(headers).is_none() => {
            check_origin(origin.to_str().ok(), parts, public_origins)
        }
        _ => Ok(()),
    }
}

fn check_origin(
    origin: Option<&str>,
    parts: &Parts,
    public_origins: &[String],
) -> Result<(), ApiError> {
    let known = origin.is_some_and(|origin| {
        if public_origins.is_empty() {
            is_same_host(origin, host(parts))
        } else {
            public_origins.iter().any(|known| known == origin)
        }
    });
    if known {
        Ok(())
    } else {
        Err(refused("the Origin is not one of this relay"))
    }
}

fn host(parts: &Parts) -> &str {
    host_header(&parts.headers)
        .or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
        .unwrap_or_default()
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Host and port are equal; a port that the scheme implies may be left out on either side.
fn is_same_host(origin: &str, host: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    if !matches!(origin.scheme(), "http" | "https") {
        return false;
    }
    // Read as the browser would have written it, so that case and the scheme's own port do not matter.
    Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|ours| {
        ours.origin() == origin.origin()
            && ours.path() == "/"
            && ours.username().is_empty()
            && ours.query().is_none()
    })
}

fn refused(what: &str) -> ApiError {
    ApiError::new(
        ErrorCode::CrossSiteRefused,
        format!("The relay does not take this request: {what}."),
    )
    .hint("Open PersAI from the address that its operator has set up (public_origins).")
}

#[cfg(test)]
mod tests {
    use super::is_same_host;

    #[test]
    fn an_origin_is_the_hosts_own_when_host_and_port_are_equal() {
        for (origin, host) in [
            ("http://perses.local:8080", "perses.local:8080"),
            ("https://perses.example.com", "perses.example.com"),
            ("https://perses.example.com", "perses.example.com:443"),
            ("http://perses.example.com", "Perses.Example.com"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(is_same_host(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "perses.local"),
            ("", "perses.local"),
            ("http://evil.example", "perses.local"),
            ("http://perses.local:81", "perses.local"),
            ("http://perses.local", "perses.local:8080"),
            ("http://perses.local.evil.example", "perses.local"),
            ("http://perses.local", "evil@perses.local"),
            ("http://perses.local", "perses.local/x"),
            ("http://perses.local", ""),
            ("file://perses.local", "perses.local"),
        ] {
            assert!(!is_same_host(origin, host), "{origin} {host}");
        }
    }
}
