//! Who asks: cookies and header as Perses reads them, and the routes that tell an identity.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::token::Kind;
use super::{Perses, Version};

/// What a request proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Empty where authentication is off.
    pub login: String,
    /// The header that the datasource proxy passes on: the one sent, or the one made of the cookies.
    pub authorization: Option<String>,
}

/// The value of the first cookie called `name`.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| {
            pair.trim()
                .split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        })
}

/// Perses' rule: with both `jwtPayload` and `jwtSignature` the cookies overwrite the header, good or not.
///
/// # Errors
/// No token (400 at 0.52, 401 later), or one that is not taken (401).
pub fn identify(perses: &Perses, headers: &HeaderMap) -> Result<Identity, Refusal> {
    let from_cookies = cookie(headers, "jwtPayload")
        .zip(cookie(headers, "jwtSignature"))
        .map(|(payload, signature)| format!("Bearer {payload}.{signature}"));
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    if !perses.authentication {
        return Ok(Identity {
            login: String::new(),
            authorization: sent,
        });
    }
    let authorization = from_cookies.or(sent);
    let token = authorization.as_deref().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let Some(token) = token else {
        let status = match perses.version {
            Version::V052 => StatusCode::BAD_REQUEST,
            Version::V053 => StatusCode::UNAUTHORIZED,
        };
        return Err(Refusal::new(status, "missing or malformed jwt"));
    };
    match perses.signer.read(Kind::Access, token) {
        Ok(claims) => Ok(Identity {
            login: claims.sub,
            authorization,
        }),
        Err(_) => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid or expired jwt",
        )),
    }
}

/// `GET /api/v1/user/whoami`
pub async fn whoami(
    State(perses): State<Arc<Perses>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    if perses.version == Version::V052 {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
    }
    let identity = identify(&perses, &headers)?;
    if !perses.authentication {
        return Err(Refusal::unauthorized(
            "authentication is required to retrieve user permissions",
        ));
    }
    let user = perses
        .world
        .user(&identity.login)
        .ok_or_else(|| Refusal::unauthorized("failed to retrieve user information from context"))?;
    Ok(Json(json!({
        "kind": "User",
        "metadata": {
            "name": user.name,
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "version": 0,
        },
        "spec": { "nativeProvider": { "password": "<secret>" } },
    })))
}

/// `GET /api/v1/users/{name}/permissions`
pub async fn permissions(
    State(perses): State<Arc<Perses>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let identity = identify(&perses, &headers)?;
    if !perses.authentication {
        return Err(Refusal::unauthorized(
            "authentication is required to retrieve user permissions",
        ));
    }
    if identity.login != name {
        return Err(Refusal::forbidden("you can only retrieve your permissions"));
    }
    let mut by_project = Map::new();
    by_project.insert("*".into(), json!(perses.world.guest_permissions));
    for (project, list) in perses
        .world
        .user(&name)
        .iter()
        .flat_map(|user| &user.permissions)
    {
        match by_project.get_mut(project).and_then(Value::as_array_mut) {
            Some(known) => known.extend(list.iter().map(|permission| json!(permission))),
            None => {
                by_project.insert(project.clone(), json!(list));
            }
        }
    }
    Ok(Json(Value::Object(by_project)))
}

/// `GET /api/config`, anonymous: the parts that PersAI and the page read.
pub async fn config(State(perses): State<Arc<Perses>>) -> Response {
    Json(json!({
        "api_prefix": "",
        "security": {
            "readonly": true,
            "encryption_key": "<secret>",
            "enable_auth": perses.authentication,
            "cookie": { "same_site": "lax", "secure": false },
            "authentication": {
                "access_token_ttl": format!("{}s", perses.signer.access_ttl.as_secs()),
                "refresh_token_ttl": format!("{}s", perses.signer.refresh_ttl.as_secs()),
                "disable_sign_up": true,
                "providers": { "enable_native": true },
            },
        },
        "frontend": { "disable": false, "explorer": { "enable": true } },
    }))
    .into_response()
}
