//! Native login and token refresh, with Perses' three cookies.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Perses;
use super::answer::Refusal;
use super::identity::cookie;
use super::token::Kind;

#[derive(Deserialize)]
struct Credentials {
    login: String,
    password: String,
}

#[derive(Deserialize)]
struct RefreshBody {
    refresh_token: String,
}

/// `POST /api/auth/providers/native/login`
pub async fn login(
    State(perses): State<Arc<Perses>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    if !is_json {
        return Err(Refusal::bad_request(
            "code=415, message=Unsupported Media Type",
        ));
    }
    let sent: Credentials = serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad_request(&format!("code=400, message={error}")))?;
    let known = perses
        .world
        .users
        .iter()
        .any(|user| user.name == sent.login && user.password == sent.password);
    if !known {
        // The space at the end is Perses'.
        return Err(Refusal::bad_request("wrong login or password "));
    }
    let access = perses.signer.issue(Kind::Access, &sent.login);
    let refresh = perses.signer.issue(Kind::Refresh, &sent.login);
    let mut response = Json(token_body(&access, &refresh)).into_response();
    set_access_cookies(&perses, &mut response, &access);
    set_cookie(
        &perses,
        &mut response,
        "jwtRefreshToken",
        &refresh,
        Kind::Refresh,
        true,
    );
    Ok(response)
}

/// `POST /api/auth/refresh`: the cookie counts, else the body; every failure is a 400, as at Perses.
pub async fn refresh(
    State(perses): State<Arc<Perses>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let token = match cookie(&headers, "jwtRefreshToken") {
        Some(token) => token.to_owned(),
        None if body.is_empty() => {
            return Err(Refusal::bad_request("no refresh token has been found"));
        }
        None => serde_json::from_slice::<RefreshBody>(&body)
            .map(|sent| sent.refresh_token)
            .map_err(|_| Refusal::bad_request("code=400, message=refreshToken cannot be empty"))?,
    };
    let claims = perses
        .signer
        .read(Kind::Refresh, &token)
        .map_err(|_| Refusal::bad_request("token signature is invalid: signature is invalid"))?;
    let access = perses.signer.issue(Kind::Access, &claims.sub);
    let mut response = Json(token_body(&access, &token)).into_response();
    set_access_cookies(&perses, &mut response, &access);
    Ok(response)
}

fn token_body(access: &str, refresh: &str) -> serde_json::Value {
    json!({
        "access_token": access,
        "token_type": "Bearer",
        "refresh_token": refresh,
        "expiry": "0001-01-01T00:00:00Z",
    })
}

fn set_access_cookies(perses: &Perses, response: &mut Response, access: &str) {
    let (payload, signature) = access.rsplit_once('.').unwrap_or((access, ""));
    set_cookie(perses, response, "jwtPayload", payload, Kind::Access, false);
    set_cookie(
        perses,
        response,
        "jwtSignature",
        signature,
        Kind::Access,
        true,
    );
}

/// `Expires` follows the token, `Max-Age` the longer of both lifetimes: browsers keep a dead access token for a day.
fn set_cookie(
    perses: &Perses,
    response: &mut Response,
    name: &str,
    value: &str,
    kind: Kind,
    http_only: bool,
) {
    let signer = &perses.signer;
    let expires = httpdate::fmt_http_date(SystemTime::now() + signer.ttl(kind));
    let max_age: Duration = signer.access_ttl.max(signer.refresh_ttl);
    let http_only = if http_only { "; HttpOnly" } else { "" };
    let line = format!(
        "{name}={value}; Path=/; Expires={expires}; Max-Age={}{http_only}; SameSite=Lax",
        max_age.as_secs()
    );
    if let Ok(line) = HeaderValue::try_from(line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}
