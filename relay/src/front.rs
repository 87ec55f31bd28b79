//! Front mode: the relay serves the origin; what is not `/persai` is a byte pipe to Perses.
//!
//! The rule, by the raw path of the request line:
//! 1. `/persai`, or `/persai/…` whose rest is spelled plainly (no dot or empty segments inside, no `\`, no encoded
//!    `/`, `\` or `.`): ours.
//! 2. Any other spelling that is or becomes `/persai` or `/persai/…`, as it stands or decoded up to three times, with
//!    `\` read as `/` and dots and empty segments resolved: refused with 400. Neither side sees it, so that a proxy in
//!    front, the relay and Perses cannot differ about whose it is.
//! 3. Everything else goes to Perses exactly as it was sent, `/PERSAI` too: paths are case-sensitive.
//!
//! The pipe has its own client. It reads, logs and changes nothing but hop-by-hop and `X-Forwarded-*` headers.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use persai_protocol::error::ErrorCode;
use tower::ServiceExt as _;
use url::Url;

use crate::error::ApiError;

/// Whose a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ours,
    Perses,
    /// Spelled so that it could be either's.
    Refused,
}

/// The rule of this file. `path` is raw, without a query.
#[must_use]
pub fn side_of(path: &str) -> Side {
    if is_plainly_ours(path) {
        return Side::Ours;
    }
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..=3 {
        if first_segment_is_ours(&decoded) {
            return Side::Refused;
        }
        decoded = percent_encoding::percent_decode(&decoded).collect();
    }
    Side::Perses
}

fn is_plainly_ours(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/persai") else {
        return false;
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return false;
    }
    let lower = rest.to_ascii_lowercase();
    let odd = ["\\", "%2f", "%5c", "%2e", "%25"]
        .iter()
        .any(|spelling| lower.contains(spelling));
    // A last `/` leaves one empty segment, which is plain.
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    let inner_empty = segments
        .iter()
        .rev()
        .skip(1)
        .any(|segment| segment.is_empty());
    !odd && !inner_empty
        && !segments
            .iter()
            .any(|segment| matches!(*segment, "." | ".."))
}

/// Resolves `\`, empty and dot segments, and looks at what is left.
fn first_segment_is_ours(path: &[u8]) -> bool {
    let mut resolved: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment {
            b"" | b"." => {}
            b".." => {
                resolved.pop();
            }
            segment => resolved.push(segment),
        }
    }
    resolved.first() == Some(&b"persai".as_slice())
}

type PipeClient = Client<HttpsConnector<HttpConnector>, Body>;

#[derive(Clone)]
struct Front {
    persai: Router,
    client: PipeClient,
    scheme: Scheme,
    authority: Authority,
}

/// Serves `persai` under `/persai` and pipes the rest to the origin of `perses_url`. Paths stay as they are: a Perses
/// with an `api_prefix` is reached under that prefix, as it is without the relay.
///
/// # Errors
/// This machine's TLS roots cannot be used, or the URL has no host.
pub fn in_front_of_perses(persai: Router, perses_url: &Url) -> Result<Router, std::io::Error> {
    let origin = perses_url.origin().ascii_serialization();
    let uri: Uri = origin.parse().map_err(std::io::Error::other)?;
    let (Some(scheme), Some(authority)) = (uri.scheme().cloned(), uri.authority().cloned()) else {
        return Err(std::io::Error::other("perses_url has no host"));
    };
    let front = Front {
        persai,
        client: pipe_client()?,
        scheme,
        authority,
    };
    Ok(Router::new().fallback(serve).with_state(front))
}

fn pipe_client() -> Result<PipeClient, std::io::Error> {
    // Named here, so that it does not depend on what other crates switch on.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(std::time::Duration::from_secs(5)));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(provider)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    match side_of(request.uri().path()) {
        Side::Ours => match front.persai.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Side::Perses => front.pipe(request).await,
        Side::Refused => {
            ApiError::invalid("This spelling of a path is not taken. Write /persai plainly.")
                .into_response()
        }
    }
}

impl Front {
    async fn pipe(&self, mut request: Request) -> Response {
        if asks_for_websocket(request.headers()) {
            return (
                StatusCode::NOT_IMPLEMENTED,
                "The relay's front does not upgrade connections.\n",
            )
                .into_response();
        }
        let Some(path) = request
            .uri()
            .path_and_query()
            .filter(|path| path.as_str().starts_with('/'))
            .cloned()
        else {
            return ApiError::invalid("The request has no path.").into_response();
        };
        let Some(uri) = self.uri(path) else {
            return ApiError::invalid("The request's path cannot be passed on.").into_response();
        };
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0);
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        strip_hop_by_hop(request.headers_mut());
        add_forwarded(request.headers_mut(), peer);
        match self.client.request(request).await {
            Ok(mut response) => {
                strip_hop_by_hop(response.headers_mut());
                response.map(Body::new)
            }
            Err(error) => ApiError::new(ErrorCode::PersesUnreachable, "Perses cannot be reached.")
                .cause(error)
                .into_response(),
        }
    }

    fn uri(&self, path: PathAndQuery) -> Option<Uri> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .ok()
    }
}

/// Other upgrades (`h2c`) are offers that may be passed over; this one is the whole point of its request.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("websocket"))
}

/// RFC 9110 §7.6.1: these, and what `Connection` names, are about one connection.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // The chunks said how long the body was; a length beside them is how requests are smuggled.
        headers.remove(header::CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| name != header::HOST)
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        headers.remove(name);
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Appends who is connected to us; keeps what a proxy in front of us said of host and scheme.
fn add_forwarded(headers: &mut HeaderMap, peer: Option<SocketAddr>) {
    if let Some(peer) = peer {
        let earlier: Vec<&str> = headers
            .get_all(&FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let chain = earlier
            .into_iter()
            .map(str::to_owned)
            .chain([peer.ip().to_string()])
            .collect::<Vec<_>>()
            .join(", ");
        if let Ok(value) = HeaderValue::try_from(chain) {
            headers.insert(FORWARDED_FOR, value);
        }
    }
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    headers
        .entry(FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static("http"));
}

#[cfg(test)]
mod tests {
    use super::{Side, side_of};

    #[test]
    fn every_spelling_of_a_path_has_one_side() {
        use Side::{Ours, Perses, Refused};
        for (path, side) in [
            ("/persai", Ours),
            ("/persai/", Ours),
            ("/persai/v1/capabilities", Ours),
            ("/persai/v1/runs/a-b_c/cancel", Ours),
            ("/persai/v1/runs/%61/cancel", Ours),
            ("/persai/v1/unknown", Ours),
            ("/persai/...", Ours),
            ("/persai/v1/", Ours),
            ("//persai", Refused),
            ("//persai/v1/agent", Refused),
            ("/persai//v1/agent", Refused),
            ("/persai/v1//", Refused),
            ("/./persai", Refused),
            ("/./persai/v1/agent", Refused),
            ("/x/../persai/v1/agent", Refused),
            ("/../persai", Refused),
            ("/persai/./v1", Refused),
            ("/persai/v1/../v1/agent", Refused),
            ("/persai%2fv1/agent", Refused),
            ("/persai%2Fv1/agent", Refused),
            ("/persai%5cv1", Refused),
            ("/persai\\v1", Refused),
            ("\\persai", Refused),
            ("/%70ersai/v1/agent", Refused),
            ("/persa%69", Refused),
            ("/%2570ersai/v1", Refused),
            ("/%2fpersai", Refused),
            ("/%2e/persai", Refused),
            ("/x/%2e%2e/persai", Refused),
            ("/x%2f..%2fpersai", Refused),
            ("/persai/%2e%2e/persai", Refused),
            ("/persai/v1/a%252fb", Refused),
            ("/persai/../persai/v1", Refused),
            ("/", Perses),
            ("", Perses),
            ("*", Perses),
            ("/api/v1/projects", Perses),
            ("/PersAI", Perses),
            ("/PERSAI/v1/agent", Perses),
            ("/persaix", Perses),
            ("/persai;x", Perses),
            ("/persai%20", Perses),
            ("/persai%00", Perses),
            ("/persai.", Perses),
            ("/plugins/PersAI/mf-manifest.json", Perses),
            ("/plugins/persai/x", Perses),
            ("/perses/persai/v1", Perses),
            ("/persai/../api/v1/projects", Perses),
            ("/persai/%2e%2e/api", Refused),
            ("/persai/..", Perses),
            ("/..;/persai", Perses),
            ("/explore?x=/persai", Perses),
        ] {
            assert_eq!(side_of(path), side, "{path}");
        }
    }
}
