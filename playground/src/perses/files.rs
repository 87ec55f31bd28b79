//! Static files as Perses serves them: `Last-Modified`, conditional GET, gzip level 5, no `Cache-Control`, no `ETag`.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Packed files, by path and change time: the page's files are large and asked for by every test.
#[derive(Default)]
pub struct Files {
    packed: Mutex<HashMap<(PathBuf, SystemTime), Bytes>>,
}

/// `below` joined to `root`; `None` where it would leave it.
#[must_use]
pub fn inside(root: &Path, below: &str) -> Option<PathBuf> {
    let below = Path::new(below);
    below
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then(|| root.join(below))
}

impl Files {
    /// The file, or `None` where there is none.
    pub async fn serve(&self, path: &Path, asked: &HeaderMap) -> Option<Response<Body>> {
        let metadata = tokio::fs::metadata(path)
            .await
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        let modified = whole_secs(metadata.modified().unwrap_or(UNIX_EPOCH));
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(modified)) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        let since = asked
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| httpdate::parse_http_date(value).ok());
        if since.is_some_and(|since| modified <= since) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(content_type(path)),
        );
        let takes_gzip = asked
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                value
                    .split(',')
                    .any(|one| one.trim().split(';').next() == Some("gzip"))
            });
        let bytes = if takes_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            self.packed(path, modified).await?
        } else {
            Bytes::from(tokio::fs::read(path).await.ok()?)
        };
        *response.body_mut() = Body::from(bytes);
        Some(response)
    }

    async fn packed(&self, path: &Path, modified: SystemTime) -> Option<Bytes> {
        let key = (path.to_owned(), modified);
        if let Some(bytes) = self
            .packed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Some(bytes.clone());
        }
        let plain = tokio::fs::read(path).await.ok()?;
        let packed = tokio::task::spawn_blocking(move || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(5));
            encoder.write_all(&plain).and_then(|()| encoder.finish())
        });
        let bytes = Bytes::from(packed.await.ok()?.ok()?);
        self.packed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, bytes.clone());
        Some(bytes)
    }
}

fn whole_secs(time: SystemTime) -> SystemTime {
    let secs = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    UNIX_EPOCH + Duration::from_secs(secs)
}

fn content_type(path: &Path) -> &'static str {
    match path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
    {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_folder() {
        let root = Path::new("root");
        assert_eq!(inside(root, "a/b.js"), Some(root.join("a/b.js")));
        for bad in ["../x", "a/../../x", "/etc/passwd", "a/../b"] {
            assert_eq!(inside(root, bad), None, "{bad}");
        }
    }
}
