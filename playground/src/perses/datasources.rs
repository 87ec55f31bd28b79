//! Lists and single datasources, global ones and those of a project. Read only.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::Perses;
use super::answer::Refusal;
use super::identity::identify;
use super::world::Datasource;

/// Perses' list filters; `name` matches the start of a name.
#[derive(Debug, Default, Deserialize)]
pub struct Filter {
    kind: Option<String>,
    name: Option<String>,
    default: Option<bool>,
}

impl Filter {
    fn takes(&self, datasource: &Datasource) -> bool {
        self.kind
            .as_deref()
            .is_none_or(|kind| kind.is_empty() || kind == datasource.plugin_kind())
            && self
                .name
                .as_deref()
                .is_none_or(|start| datasource.metadata.name.starts_with(start))
            && self
                .default
                .is_none_or(|default| default == datasource.is_default())
    }
}

/// Whether the asker may read datasources in `project` (`None`: global ones). The existence of the project is checked
/// first, the permission second, as Perses does.
///
/// # Errors
/// No identity, no such project, no permission.
pub fn check_read(perses: &Perses, login: &str, project: Option<&str>) -> Result<(), Refusal> {
    let (scope, asked) = match project {
        None => ("GlobalDatasource", "*"),
        Some(project) => ("Datasource", project),
    };
    if let Some(project) = project
        && !perses.world.projects.iter().any(|known| known == project)
    {
        return Err(Refusal::bad_request(&format!(
            "metadata.project {project:?} doesn't exist"
        )));
    }
    if !perses.authentication || perses.world.may(login, "read", asked, scope) {
        return Ok(());
    }
    Err(Refusal::forbidden(&match project {
        None => format!("missing 'read' global permission for '{scope}' kind"),
        Some(project) => {
            format!("missing 'read' permission in '{project}' project for '{scope}' kind")
        }
    }))
}

/// `GET /api/v1/globaldatasources`
pub async fn list_global(
    State(perses): State<Arc<Perses>>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<Vec<Datasource>>, Refusal> {
    list(&perses, &headers, None, &filter)
}

/// `GET /api/v1/projects/{project}/datasources`
pub async fn list_of_project(
    State(perses): State<Arc<Perses>>,
    Path(project): Path<String>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<Vec<Datasource>>, Refusal> {
    list(&perses, &headers, Some(&project), &filter)
}

/// `GET /api/v1/globaldatasources/{name}`
pub async fn get_global(
    State(perses): State<Arc<Perses>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Datasource>, Refusal> {
    one(&perses, &headers, None, &name)
}

/// `GET /api/v1/projects/{project}/datasources/{name}`
pub async fn get_of_project(
    State(perses): State<Arc<Perses>>,
    Path((project, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Datasource>, Refusal> {
    one(&perses, &headers, Some(&project), &name)
}

fn list(
    perses: &Perses,
    headers: &HeaderMap,
    project: Option<&str>,
    filter: &Filter,
) -> Result<Json<Vec<Datasource>>, Refusal> {
    let identity = identify(perses, headers)?;
    check_read(perses, &identity.login, project)?;
    Ok(Json(
        perses
            .world
            .datasources_of(project)
            .filter(|one| filter.takes(one))
            .cloned()
            .collect(),
    ))
}

fn one(
    perses: &Perses,
    headers: &HeaderMap,
    project: Option<&str>,
    name: &str,
) -> Result<Json<Datasource>, Refusal> {
    let identity = identify(perses, headers)?;
    check_read(perses, &identity.login, project)?;
    perses
        .world
        .datasource(project, name)
        .cloned()
        .map(Json)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "document not found"))
}
