//! The closed route table. At most 15 routes; what is not here answers 501 and names itself.
//!
//! | # | method | path | token | what |
//! | --- | --- | --- | --- | --- |
//! | 1 | POST | `/api/auth/providers/native/login` | no | sets the three cookies |
//! | 2 | POST | `/api/auth/refresh` | refresh | new access token, by cookie or body |
//! | 3 | GET | `/api/config` | no | whether authentication is on |
//! | 4 | GET | `/api/v1/user/whoami` | yes | 404 at 0.52 |
//! | 5 | GET | `/api/v1/users/{name}/permissions` | yes | one's own only |
//! | 6 | GET | `/api/v1/plugins` | no | made from the plugin folders |
//! | 7 | GET | `/api/v1/globaldatasources` | yes | `?kind`, `?name` (a prefix), `?default` |
//! | 8 | GET | `/api/v1/globaldatasources/{name}` | yes | |
//! | 9 | GET | `/api/v1/projects/{project}/datasources` | yes | same filters |
//! | 10 | GET | `/api/v1/projects/{project}/datasources/{name}` | yes | |
//! | 11 | any | `/proxy/globaldatasources/{name}/{*path}` | yes | datasource proxy |
//! | 12 | any | `/proxy/projects/{project}/datasources/{name}/{*path}` | yes | datasource proxy |
//! | 13 | GET | `/plugins/{*path}` | no | plugin files, `~version` accepted |
//! | 14 | GET | `/` and every page path | no | the page's files; `index.html` for page paths |
//! | 15 | GET, DELETE | `/__recorded` | no | tests only: requests 1 to 12 as they came |

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use super::answer::Refusal;
use super::{Perses, datasources, identity, plugins, proxy, sign_in, ui};
use crate::record;

/// The router of the table above.
pub fn router(perses: Arc<Perses>) -> Router {
    let recorder = perses.recorder.clone();
    let recorded = Router::new()
        .route(
            "/api/auth/providers/native/login",
            post(sign_in::login).fallback(not_implemented),
        )
        .route(
            "/api/auth/refresh",
            post(sign_in::refresh).fallback(not_implemented),
        )
        .route(
            "/api/config",
            get(identity::config).fallback(not_implemented),
        )
        .route(
            "/api/v1/user/whoami",
            get(identity::whoami).fallback(not_implemented),
        )
        .route(
            "/api/v1/users/{name}/permissions",
            get(identity::permissions).fallback(not_implemented),
        )
        .route(
            "/api/v1/plugins",
            get(plugins::list).fallback(not_implemented),
        )
        .route(
            "/api/v1/globaldatasources",
            get(datasources::list_global).fallback(not_implemented),
        )
        .route(
            "/api/v1/globaldatasources/{name}",
            get(datasources::get_global).fallback(not_implemented),
        )
        .route(
            "/api/v1/projects/{project}/datasources",
            get(datasources::list_of_project).fallback(not_implemented),
        )
        .route(
            "/api/v1/projects/{project}/datasources/{name}",
            get(datasources::get_of_project).fallback(not_implemented),
        )
        .route(
            "/proxy/globaldatasources/{name}/{*path}",
            any(proxy::global),
        )
        .route(
            "/proxy/projects/{project}/datasources/{name}/{*path}",
            any(proxy::of_project),
        )
        .layer(from_fn_with_state(recorder.clone(), record::record));
    let quiet = Router::new()
        .route(
            "/plugins/{*path}",
            get(plugins::file).fallback(not_implemented),
        )
        .fallback(ui::page_or_not_implemented);
    let tests_only = Router::new()
        .route("/__recorded", get(record::show).delete(record::forget))
        .with_state(recorder);
    recorded.merge(quiet).with_state(perses).merge(tests_only)
}

/// 501, naming the route, so that a caller that needs more than the table says so by itself.
pub async fn not_implemented(request: Request) -> Response {
    let message = format!(
        "the Perses stand-in has no route {} {}",
        request.method(),
        request.uri().path()
    );
    Refusal::new(StatusCode::NOT_IMPLEMENTED, message).into_response()
}
