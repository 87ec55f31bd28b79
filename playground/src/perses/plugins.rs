//! `GET /api/v1/plugins`, made from the plugin folders on disk at each request, and the files in them.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Perses;
use super::answer::Refusal;
use super::files::inside;

/// A plugin folder: `mf-manifest.json` and `package.json` at its root.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    pub folder: PathBuf,
    /// The manifest's `name`, which is the name in URLs.
    pub name: String,
    pub version: String,
    /// `perses.plugins` of `package.json`.
    pub plugins: Value,
    pub schemas_path: String,
}

/// Plugin folders at or one level below `paths`, by name. Of two with one name the one found last wins, as at Perses.
/// A folder that is not a plugin is skipped.
#[must_use]
pub fn find(paths: &[PathBuf]) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for path in paths {
        let mut folders = vec![path.clone()];
        let mut below: Vec<PathBuf> = std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        below.sort();
        folders.extend(below);
        for module in folders.iter().filter_map(|folder| read(folder)) {
            modules.retain(|known| known.name != module.name);
            modules.push(module);
        }
    }
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
}

fn read(folder: &FilePath) -> Option<Module> {
    let json = |file: &str| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(folder.join(file)).ok()?).ok()
    };
    let manifest = json("mf-manifest.json")?;
    let package = json("package.json")?;
    let text = |value: &Value, pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Some(Module {
        folder: folder.to_owned(),
        name: text(&manifest, "/name")?,
        version: text(&manifest, "/metaData/buildInfo/buildVersion").unwrap_or_default(),
        plugins: package
            .pointer("/perses/plugins")
            .cloned()
            .unwrap_or_else(|| json!([])),
        schemas_path: text(&package, "/perses/schemasPath").unwrap_or_default(),
    })
}

/// `GET /api/v1/plugins`, anonymous.
pub async fn list(State(perses): State<Arc<Perses>>) -> Json<Value> {
    let modules = find(&perses.plugin_paths);
    Json(Value::Array(
        modules
            .into_iter()
            .map(|module| {
                json!({
                    "kind": "PluginModule",
                    "metadata": { "name": module.name, "version": module.version, "registry": "" },
                    "spec": { "schemasPath": module.schemas_path, "plugins": module.plugins },
                    "status": { "isLoaded": true, "inDev": false },
                })
            })
            .collect(),
    ))
}

/// `GET /plugins/<name>[~version[~registry]]/<file>`, anonymous.
pub async fn file(
    State(perses): State<Arc<Perses>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let missing = || Refusal::new(StatusCode::NOT_FOUND, "document not found").into_response();
    let Some((name, rest)) = path.split_once('/') else {
        return missing();
    };
    let name = name.split('~').next().unwrap_or_default();
    let modules = find(&perses.plugin_paths);
    let Some(file) = modules
        .iter()
        .find(|module| module.name == name)
        .and_then(|module| inside(&module.folder, rest))
    else {
        return missing();
    };
    perses
        .files
        .serve(&file, &headers)
        .await
        .unwrap_or_else(missing)
}
