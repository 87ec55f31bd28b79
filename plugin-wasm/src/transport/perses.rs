//! What the plugin reads of Perses itself: the datasources to ask about and the panel kinds to show.

use persai_protocol::evidence::{DatasourceSelector, is_valid_resource_name};
use serde_json::Value;

use super::answer::{self, Answer, Failure};
use crate::wire::Fields;

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

/// Reads `GET /api/v1/globaldatasources?kind=PrometheusDatasource`.
///
/// # Errors
/// See [`Failure`].
pub fn datasources(answer: &Answer) -> Result<Vec<Datasource>, Failure> {
    let mut found: Vec<Datasource> = Vec::new();
    for one in answer::read(answer, |list| {
        Some(
            list.as_array()?
                .iter()
                .filter_map(datasource)
                .collect::<Vec<_>>(),
        )
    })? {
        let at = found
            .iter()
            .position(|other| other.title > one.title)
            .unwrap_or(found.len());
        found.insert(at, one);
    }
    Ok(found)
}

fn datasource(value: &Value) -> Option<Datasource> {
    let (name, spec) = (value.get("metadata")?.text("name")?, value.get("spec")?);
    let plugin = spec.get("plugin")?;
    let kind = plugin.text("kind").filter(|kind| kind == PROMETHEUS)?;
    if !is_valid_resource_name(&name) {
        return None;
    }
    let title = spec
        .get("display")
        .and_then(|display| display.text("name"))
        .filter(|title| !title.is_empty());
    let direct = plugin
        .get("spec")
        .and_then(|spec| spec.text("directUrl"))
        .is_some_and(|url| !url.is_empty());
    Some(Datasource {
        title: title.unwrap_or_else(|| name.clone()),
        is_default: spec.flag("default").unwrap_or(false),
        disabled_reason: direct.then(|| {
            "It has a direct URL, so Perses does not proxy it and PersAI can't ask it.".to_owned()
        }),
        selector: DatasourceSelector {
            kind,
            name,
            project: None,
        },
    })
}

/// The panel kinds of `GET /api/v1/plugins`, of modules that are loaded.
///
/// # Errors
/// See [`Failure`].
pub fn panel_kinds(answer: &Answer) -> Result<Vec<String>, Failure> {
    let modules = answer::read(answer, |list| {
        Some(
            list.as_array()?
                .iter()
                .filter_map(module)
                .collect::<Vec<_>>(),
        )
    })?;
    Ok(modules.concat())
}

fn module(value: &Value) -> Option<Vec<String>> {
    let is_loaded = value
        .get("status")
        .is_none_or(|status| status.flag("isLoaded").unwrap_or(false));
    is_loaded.then_some(())?;
    Some(value.get("spec")?.list("plugins", |plugin| {
        (plugin.get("kind")?.as_str()? == "Panel").then_some(())?;
        plugin.get("spec")?.text("name")
    }))
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
