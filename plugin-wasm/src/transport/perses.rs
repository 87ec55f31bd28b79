//! What the plugin reads of Perses itself: the datasources to ask about and the panel kinds to show.

use persai_protocol::evidence::{DatasourceSelector, is_valid_resource_name};
use serde::Deserialize;

use super::answer::{self, Answer, Failure};

pub const PROMETHEUS: &str = "PrometheusDatasource";

/// A global datasource, as far as we need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datasource {
    pub selector: DatasourceSelector,
    pub title: String,
    pub is_default: bool,
    /// Why it can't be asked through the relay.
    pub disabled_reason: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    metadata: Named,
    spec: DatasourceSpec,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct DatasourceSpec {
    #[serde(default)]
    default: bool,
    #[serde(default)]
    display: Option<Display>,
    plugin: DatasourcePlugin,
}

#[derive(Deserialize)]
struct Display {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct DatasourcePlugin {
    kind: String,
    #[serde(default)]
    spec: DatasourcePluginSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct DatasourcePluginSpec {
    #[serde(default)]
    direct_url: Option<String>,
}

/// Reads `GET /api/v1/globaldatasources?kind=PrometheusDatasource`.
///
/// # Errors
/// See [`Failure`].
pub fn datasources(answer: &Answer) -> Result<Vec<Datasource>, Failure> {
    let resources: Vec<serde_json::Value> = answer::read(answer)?;
    let mut found: Vec<Datasource> = resources
        .into_iter()
        .filter_map(|value| serde_json::from_value::<Resource>(value).ok())
        .filter(|resource| {
            resource.spec.plugin.kind == PROMETHEUS
                && is_valid_resource_name(&resource.metadata.name)
        })
        .map(|resource| {
            let title = resource
                .spec
                .display
                .map(|display| display.name)
                .filter(|name| !name.is_empty());
            let direct = resource
                .spec
                .plugin
                .spec
                .direct_url
                .is_some_and(|url| !url.is_empty());
            Datasource {
                title: title.unwrap_or_else(|| resource.metadata.name.clone()),
                is_default: resource.spec.default,
                disabled_reason: direct.then(|| {
                    "It has a direct URL, so Perses does not proxy it and PersAI can't ask it."
                        .to_owned()
                }),
                selector: DatasourceSelector {
                    kind: resource.spec.plugin.kind,
                    name: resource.metadata.name,
                    project: None,
                },
            }
        })
        .collect();
    found.sort_by(|a, b| a.title.cmp(&b.title));
    Ok(found)
}

#[derive(Deserialize)]
struct Module {
    spec: ModuleSpec,
    #[serde(default)]
    status: Option<ModuleStatus>,
}

#[derive(Deserialize)]
struct ModuleSpec {
    #[serde(default)]
    plugins: Vec<ModulePlugin>,
}

#[derive(Deserialize)]
struct ModulePlugin {
    kind: String,
    spec: Named,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModuleStatus {
    #[serde(default)]
    is_loaded: bool,
}

/// The panel kinds of `GET /api/v1/plugins`, of modules that are loaded.
///
/// # Errors
/// See [`Failure`].
pub fn panel_kinds(answer: &Answer) -> Result<Vec<String>, Failure> {
    let modules: Vec<serde_json::Value> = answer::read(answer)?;
    Ok(modules
        .into_iter()
        .filter_map(|value| serde_json::from_value::<Module>(value).ok())
        .filter(|module| module.status.as_ref().is_none_or(|status| status.is_loaded))
        .flat_map(|module| module.spec.plugins)
        .filter(|plugin| plugin.kind == "Panel")
        .map(|plugin| plugin.spec.name)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(body: serde_json::Value) -> Answer {
        Answer::Http {
            status: 200,
            retry_after_secs: None,
            body: body.to_string(),
        }
    }

    #[test]
    fn reads_datasources_and_says_why_one_cannot_be_asked() {
        let item = |name: &str, default: bool, spec: serde_json::Value| {
            serde_json::json!({"kind": "GlobalDatasource", "metadata": {"name": name, "version": 1},
                "spec": {"default": default, "plugin": {"kind": "PrometheusDatasource", "spec": spec}}})
        };
        let found = datasources(&ok(serde_json::json!([
            item("b", true, serde_json::json!({"proxy": {"kind": "HTTPProxy", "spec": {"url": "http://x"}}})),
            item("a", false, serde_json::json!({"directUrl": "http://x"})),
            item("a/../b", false, serde_json::json!({})),
            {"kind": "GlobalDatasource", "metadata": {"name": "loki"}, "spec": {"plugin": {"kind": "LokiDatasource", "spec": {}}}},
            {"broken": true},
        ])))
        .expect("a list");
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].title.as_str(), found[0].disabled_reason.is_some()),
            ("a", true)
        );
        assert_eq!((found[1].title.as_str(), found[1].is_default), ("b", true));
        assert_eq!(found[1].disabled_reason, None);
    }

    #[test]
    fn reads_panel_kinds_of_loaded_modules_only() {
        let module = |loaded: bool, kind: &str, name: &str| {
            serde_json::json!({"kind": "PluginModule", "metadata": {"name": "m"},
                "spec": {"plugins": [{"kind": kind, "spec": {"display": {"name": "x"}, "name": name}}]},
                "status": {"isLoaded": loaded}})
        };
        let kinds = panel_kinds(&ok(serde_json::json!([
            module(true, "Panel", "TimeSeriesChart"),
            module(false, "Panel", "GaugeChart"),
            module(true, "Explore", "LogExplorer"),
        ])));
        assert_eq!(kinds, Ok(vec!["TimeSeriesChart".to_owned()]));
    }
}
