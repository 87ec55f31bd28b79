//! Users, projects and datasources of the stand-in, from a JSON file in Perses' own resource shapes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Used where no file is given; `{prometheus}` and `{trouble}` in it stand for the URLs of these two.
const DEFAULT: &str = include_str!("default-world.json");

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    pub users: Vec<User>,
    /// Of every signed-in user, and of a well-signed token of a user that does not exist.
    pub guest_permissions: Vec<Permission>,
    pub projects: Vec<String>,
    pub datasources: Vec<Datasource>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    pub name: String,
    pub password: String,
    /// By project; `*` is every project and the global scope.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<Permission>>,
    /// Can log in, but exists nowhere else.
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    pub actions: Vec<String>,
    pub scopes: Vec<String>,
}

impl Permission {
    fn covers(&self, action: &str, scope: &str) -> bool {
        let has =
            |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        has(&self.actions, action) && has(&self.scopes, scope)
    }
}

/// A `GlobalDatasource` or a `Datasource`, as Perses stores it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Datasource {
    pub kind: String,
    pub metadata: Metadata,
    pub spec: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project: Option<String>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Datasource {
    /// `PrometheusDatasource`, ...
    #[must_use]
    pub fn plugin_kind(&self) -> &str {
        self.spec
            .pointer("/plugin/kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    #[must_use]
    pub fn is_default(&self) -> bool {
        self.spec
            .get("default")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The HTTP proxy's own settings; none where the browser is meant to call `directUrl`.
    #[must_use]
    pub fn http_proxy(&self) -> Option<&Value> {
        self.spec.pointer("/plugin/spec/proxy/spec")
    }
}

impl World {
    /// The world in `file`, or the default one.
    ///
    /// # Errors
    /// The file cannot be read, or is not of this shape.
    pub fn load(
        file: Option<&Path>,
        prometheus_url: &str,
        trouble_url: &str,
    ) -> Result<Self, Failure> {
        let text = match file {
            None => DEFAULT.to_owned(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::with_cause(
                    format!("The world file {} cannot be read.", path.display()),
                    error,
                )
            })?,
        };
        let text = text
            .replace("{prometheus}", prometheus_url)
            .replace("{trouble}", trouble_url);
        serde_json::from_str(&text).map_err(|error| {
            Failure::with_cause("The world file is not of the expected shape.", error)
        })
    }

    /// Without the datasources that are tagged `trouble`: for people who want to see what works.
    #[must_use]
    pub fn without_trouble(mut self) -> Self {
        let is_trouble = |datasource: &Datasource| {
            let tags = datasource
                .metadata
                .other
                .get("tags")
                .and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == "trouble"))
        };
        self.datasources
            .retain(|datasource| !is_trouble(datasource));
        self
    }

    /// The user as Perses' database knows them.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.name == name && !user.deleted)
    }

    #[must_use]
    pub fn may(&self, login: &str, action: &str, project: &str, scope: &str) -> bool {
        let in_project = |name: &str| {
            self.user(login)
                .and_then(|user| user.permissions.get(name))
                .is_some_and(|list| {
                    list.iter()
                        .any(|permission| permission.covers(action, scope))
                })
        };
        self.guest_permissions
            .iter()
            .any(|permission| permission.covers(action, scope))
            || in_project("*")
            || in_project(project)
    }

    /// `None` as project is the global scope. Names are compared exactly.
    #[must_use]
    pub fn datasource(&self, project: Option<&str>, name: &str) -> Option<&Datasource> {
        self.datasources
            .iter()
            .find(|one| one.metadata.project.as_deref() == project && one.metadata.name == name)
    }

    pub fn datasources_of<'a>(
        &'a self,
        project: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Datasource> {
        self.datasources
            .iter()
            .filter(move |datasource| datasource.metadata.project.as_deref() == project)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_world_has_what_the_tests_name() {
        let world = World::load(None, "http://p", "http://t").unwrap();
        for name in [
            "prometheus",
            "shop-restricted",
            "direct",
            "broken",
            "html",
            "slow",
            "huge",
            "unauthorized",
            "echo",
        ] {
            assert!(world.datasource(None, name).is_some(), "{name}");
        }
        assert!(world.datasource(None, "prometheus").unwrap().is_default());
        assert!(
            world
                .datasource(None, "direct")
                .unwrap()
                .http_proxy()
                .is_none()
        );
        assert!(world.datasource(Some("team-a"), "alice-only").is_some());
        assert!(world.may("alice", "read", "team-a", "Datasource"));
        assert!(!world.may("bob", "read", "team-a", "Datasource"));
        assert!(
            world.may("nobody", "read", "*", "GlobalDatasource"),
            "guest permissions"
        );
        assert!(world.user("ghost").is_none());
        let tidy = world.without_trouble();
        assert!(tidy.datasource(None, "prometheus").is_some());
        assert!(tidy.datasource(None, "shop-restricted").is_some());
        assert!(tidy.datasource(None, "broken").is_none());
    }
}
