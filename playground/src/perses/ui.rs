//! The page around the plugins: its files, and `index.html` for every path that is one of its pages.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;

use super::Perses;
use super::files::inside;
use super::routes::not_implemented;

/// First segments of the page's own routes; the browser may load them directly.
const PAGES: [&str; 7] = [
    "", "explore", "projects", "sign-in", "sign-up", "gallery", "import",
];

/// Everything that the route table does not name: a file of the page, a page, or 501.
pub async fn page_or_not_implemented(
    State(perses): State<Arc<Perses>>,
    request: Request,
) -> Response {
    if let Some(root) = &perses.ui
        && matches!(*request.method(), Method::GET | Method::HEAD)
    {
        let path = request.uri().path().trim_start_matches('/');
        if let Some(file) = inside(root, path)
            && let Some(response) = perses.files.serve(&file, request.headers()).await
        {
            return response;
        }
        let first = path.split('/').next().unwrap_or_default();
        if PAGES.contains(&first)
            && let Some(response) = perses
                .files
                .serve(&root.join("index.html"), request.headers())
                .await
        {
            return response;
        }
    }
    not_implemented(request).await
}
