//! A Perses double: its statuses, texts and header rules as they were seen on running servers. It keeps every request.
//!
//! Routes: `/api/config`, whoami, permissions, (global and project) datasources, the datasource proxy, and for front
//! mode `/pipe/…`. A datasource's name says how its upstream behaves.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::token::user_of;

#[derive(Clone)]
pub struct Perses(Arc<Inner>);

pub struct Inner {
    pub url: String,
    /// `security.enable_auth`
    pub authenticates: AtomicBool,
    /// Whoami does not exist, a missing token is 400.
    pub is_0_52: AtomicBool,
    /// Everything answers with this redirect.
    pub redirects: AtomicBool,
    pub config_is_html: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    /// Path and query, raw.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl std::ops::Deref for Perses {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Perses {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let perses = Self(Arc::new(Inner {
            url: format!("http://{}", listener.local_addr().unwrap()),
            authenticates: AtomicBool::new(true),
            is_0_52: AtomicBool::default(),
            redirects: AtomicBool::default(),
            config_is_html: AtomicBool::default(),
            seen: Mutex::default(),
        }));
        let app = Router::new().fallback(answer).with_state(perses.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        perses
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, path: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.target == path)
            .count()
    }
}

async fn answer(State(perses): State<Perses>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    if target.starts_with("/pipe/upload") {
        return upload(body).await;
    }
    let body = axum::body::to_bytes(body, 10_000_000)
        .await
        .unwrap_or_default();
    let seen = Seen {
        method: parts.method.clone(),
        target,
        headers: parts.headers.clone(),
        body,
    };
    perses.seen.lock().unwrap().push(seen.clone());
    if perses.redirects.load(Ordering::SeqCst) {
        return (
            StatusCode::FOUND,
            [(header::LOCATION, format!("{}/elsewhere", perses.url))],
        )
            .into_response();
    }
    let path = parts.uri.path();
    match path {
        "/api/config" if perses.config_is_html.load(Ordering::SeqCst) => {
            "<html></html>".into_response()
        }
        "/api/config" => json_of(
            &json!({"security": {"enable_auth": perses.authenticates.load(Ordering::SeqCst)}}),
        ),
        "/elsewhere" => json_of(&json!({"metadata": {"name": "mallory"}})),
        _ if path.starts_with("/pipe/") => pipe(path, &seen),
        _ if path.starts_with("/api/v1/") || path.starts_with("/proxy/") => {
            behind_login(&perses, path, &seen).await
        }
        _ => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/html")],
            "<html>Perses UI</html>",
        )
            .into_response(),
    }
}

/// Cookies beat a good header; then the token decides.
async fn behind_login(perses: &Perses, path: &str, seen: &Seen) -> Response {
    if !perses.authenticates.load(Ordering::SeqCst) {
        return match path {
            "/api/v1/user/whoami" => message(
                401,
                "unauthorized: authentication is required to retrieve user permissions",
            ),
            path => resource(path, seen).await,
        };
    }
    let is_0_52 = perses.is_0_52.load(Ordering::SeqCst);
    if is_0_52 && path == "/api/v1/user/whoami" {
        return message(404, "Not Found");
    }
    let Some(token) = presented(&seen.headers) else {
        return message(if is_0_52 { 400 } else { 401 }, "missing or malformed jwt");
    };
    let Some(user) = user_of(&token) else {
        return message(401, "invalid or expired jwt");
    };
    match path {
        // Well signed, but deleted: guest permissions still open the proxy.
        "/api/v1/user/whoami" if user == "ghost" => message(
            401,
            "unauthorized: failed to retrieve user information from context",
        ),
        "/api/v1/user/whoami" => json_of(&json!({"kind": "User", "metadata": {"name": user}})),
        _ if path == format!("/api/v1/users/{user}/permissions") => json_of(&json!({"*": []})),
        _ if path.ends_with("/permissions") => message(
            403,
            "forbidden access: you can only retrieve your permissions",
        ),
        path => resource(path, seen).await,
    }
}

fn presented(headers: &HeaderMap) -> Option<String> {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let cookie = |name: &str| {
        let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    if let (Some(payload), Some(signature)) = (cookie("jwtPayload"), cookie("jwtSignature")) {
        return Some(format!("{payload}.{signature}"));
    }
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
        .map(str::to_owned)
}

async fn resource(path: &str, seen: &Seen) -> Response {
    if path == "/api/v1/globaldatasources" {
        return json_of(&json!([
            document("other", json!({})),
            document("prom", json!({}))
        ]));
    }
    if let Some(name) = path.strip_prefix("/api/v1/globaldatasources/") {
        return datasource(name);
    }
    if let Some(name) = path.strip_prefix("/api/v1/projects/demo/datasources/") {
        return datasource(name);
    }
    if path.starts_with("/api/v1/projects/") {
        return message(400, "bad request: metadata.project \"x\" doesn't exist");
    }
    match path
        .strip_prefix("/proxy/globaldatasources/")
        .or(path.strip_prefix("/proxy/projects/demo/datasources/"))
    {
        Some(rest) => {
            let (name, endpoint) = rest.split_once('/').unwrap_or((rest, ""));
            proxy(name, endpoint, seen).await
        }
        None => message(404, "Not Found"),
    }
}

fn document(name: &str, spec: Value) -> Value {
    let spec = if spec.get("directUrl").is_some() {
        spec
    } else {
        json!({"proxy": {"kind": "HTTPProxy", "spec": spec}, "scrapeInterval": "15s"})
    };
    json!({
        "kind": "GlobalDatasource", "metadata": {"name": name},
        "spec": {"default": name == "prom", "plugin": {"kind": "PrometheusDatasource", "spec": spec}}
    })
}

fn datasource(name: &str) -> Response {
    match name {
        "unknown" => message(404, "document not found"),
        "secret" => message(
            403,
            "forbidden access: missing 'read' global permission for 'GlobalDatasource' kind",
        ),
        "direct" => json_of(&document(name, json!({"directUrl": "http://prom:9090"}))),
        "limited" => json_of(&document(
            name,
            json!({"url": "http://x", "allowedEndpoints": [{"endpointPattern": "/api/v1/query", "method": "GET"}]}),
        )),
        name => json_of(&document(name, json!({"url": "http://x"}))),
    }
}

async fn proxy(name: &str, endpoint: &str, seen: &Seen) -> Response {
    match name {
        "unknown" => message(404, "document not found: unable to forward the request"),
        "secret" => message(
            403,
            "forbidden access: missing 'read' global permission for 'GlobalDatasource' kind",
        ),
        "limited" if seen.method != Method::GET => message(
            403,
            "forbidden access: you are not allowed to use this endpoint \"/x\" with the HTTP method POST",
        ),
        "html" => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/html")],
            "<html>login</html>",
        )
            .into_response(),
        "refusing" => (StatusCode::UNAUTHORIZED, "who are you").into_response(),
        "down" => message(500, "dial tcp 10.0.0.1:9090: connect: connection refused"),
        "redirecting" => {
            (StatusCode::FOUND, [(header::LOCATION, "http://elsewhere/")]).into_response()
        }
        "bad" => (
            StatusCode::BAD_REQUEST,
            [(header::CONTENT_TYPE, "application/json")],
            r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error"}"#,
        )
            .into_response(),
        "slow" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            StatusCode::OK.into_response()
        }
        "big" => {
            // Never ends: only a cap does.
            let chunks = futures::stream::repeat_with(|| {
                Ok::<_, Infallible>(Bytes::from(vec![b' '; 16 * 1024]))
            });
            Body::from_stream(chunks).into_response()
        }
        "cut" => {
            let chunks = futures::stream::iter(0..2).then(|n| async move {
                tokio::time::sleep(Duration::from_millis(100 * n)).await;
                if n == 0 {
                    Ok(Bytes::from_static(b"{\"status\":"))
                } else {
                    Err(std::io::Error::other("cut"))
                }
            });
            Body::from_stream(chunks).into_response()
        }
        _ => prometheus(endpoint),
    }
}

fn prometheus(endpoint: &str) -> Response {
    let data = match endpoint {
        "api/v1/query" => {
            json!({"resultType": "vector", "result": [{"metric": {"job": "a"}, "value": [1_700_000_000, "1"]}]})
        }
        "api/v1/query_range" => json!({"resultType": "matrix", "result": []}),
        "api/v1/metadata" => json!({"up": [{"type": "gauge", "help": "", "unit": ""}]}),
        _ => json!(["up"]),
    };
    json_of(&json!({"status": "success", "data": data}))
}

/// What the front's tests look at.
fn pipe(path: &str, seen: &Seen) -> Response {
    match path {
        "/pipe/cookie" => (
            [
                (header::SET_COOKIE, "a=1; Path=/"),
                (header::CONTENT_ENCODING, "gzip"),
                (header::CONNECTION, "x-hop"),
            ],
            [("x-hop", "1"), ("x-end", "1")],
            "not really gzip",
        )
            .into_response(),
        "/pipe/unauthorized" => message(401, "invalid or expired jwt"),
        "/pipe/redirect" => {
            (StatusCode::FOUND, [(header::LOCATION, "/pipe/there")]).into_response()
        }
        "/pipe/stream" => {
            let ticks = futures::stream::iter(0..3).then(|n| async move {
                tokio::time::sleep(Duration::from_millis(if n == 0 { 0 } else { 1500 })).await;
                Ok::<_, Infallible>(Bytes::from(format!("tick {n}\n")))
            });
            Body::from_stream(ticks).into_response()
        }
        _ => (StatusCode::IM_A_TEAPOT, seen.target.clone()).into_response(),
    }
}

/// Answers as soon as the first chunk is here, while the rest is still being sent.
async fn upload(body: Body) -> Response {
    let first = body.into_data_stream().next().await;
    first
        .and_then(Result::ok)
        .unwrap_or_default()
        .into_response()
}

fn json_of(value: &Value) -> Response {
    axum::Json(value).into_response()
}

fn message(status: u16, text: &str) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        axum::Json(json!({"message": text})),
    )
        .into_response()
}
