//! Perses' own JSON of a panel. Fields and values are those that 0.52 and every later version take: schemas are closed,
//! and one field too many is refused on save.

use persai_protocol::evidence::QueryMode;
use serde_json::{Map, Value};

use super::decide::{self, STAT};
use super::source::PanelSource;
use super::units;

/// More lines than this are listed in a table.
const LEGEND_LIST_LINES: u64 = 8;
/// Most labels in a series' name.
const NAME_LABELS: usize = 3;

/// The whole `Panel` of `source` as `kind`, drawn from the query as it was run.
#[must_use]
pub fn panel(source: &PanelSource, kind: &str, title: &str) -> Value {
    let spec = if kind == STAT {
        stat(source)
    } else {
        time_series(source)
    };
    let query = plugin("PrometheusTimeSeriesQuery", query(source, title));
    let queries = vec![object([
        ("kind", text("TimeSeriesQuery")),
        ("spec", object([("plugin", query)])),
    ])];
    let spec = object([
        ("display", object([("name", text(title))])),
        ("plugin", plugin(kind, spec)),
        ("queries", Value::Array(queries)),
    ]);
    object([("kind", text("Panel")), ("spec", spec)])
}

fn plugin(kind: &str, spec: Value) -> Value {
    object([("kind", text(kind)), ("spec", spec)])
}

/// `json!` would do the same with several times the code.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// What a panel is given before it arrives, CSS pixels, so that nothing jumps.
#[must_use]
pub fn height_px(source: &PanelSource, kind: &str) -> u32 {
    match (kind, source.series) {
        (STAT, _) => 160,
        (_, Some(series)) if series > LEGEND_LIST_LINES => 380,
        _ => 300,
    }
}

fn time_series(source: &PanelSource) -> Value {
    let many = source
        .series
        .is_some_and(|series| series > LEGEND_LIST_LINES);
    let mode = text(if many { "table" } else { "list" });
    let mut spec = Map::new();
    spec.insert(
        "legend".to_owned(),
        object([("position", text("bottom")), ("mode", mode)]),
    );
    let mut y_axis = Map::new();
    if let Some(format) = format(source) {
        y_axis.insert("format".to_owned(), format);
    }
    if decide::is_additive(source) {
        // A stack's height is its sum, so it must stand on zero.
        y_axis.insert("min".to_owned(), Value::from(0));
        let visual = [
            ("display", text("line")),
            ("areaOpacity", Value::from(0.4)),
            ("stack", text("all")),
        ];
        spec.insert("visual".to_owned(), object(visual));
    }
    if !y_axis.is_empty() {
        spec.insert("yAxis".to_owned(), Value::Object(y_axis));
    }
    Value::Object(spec)
}

fn stat(source: &PanelSource) -> Value {
    let mut spec = Map::new();
    // The schema has a default, the component does not: always said.
    spec.insert("calculation".to_owned(), text("last-number"));
    if let Some(format) = format(source) {
        spec.insert("format".to_owned(), format);
    }
    if source.mode == QueryMode::Range {
        spec.insert("sparkline".to_owned(), Value::Object(Map::new()));
    }
    Value::Object(spec)
}

fn format(source: &PanelSource) -> Option<Value> {
    let unit = units::portable(source.unit.as_deref())?;
    Some(if units::can_shorten(unit) {
        object([("unit", text(unit)), ("shortValues", Value::Bool(true))])
    } else {
        object([("unit", text(unit))])
    })
}

fn query(source: &PanelSource, title: &str) -> Value {
    let mut spec = Map::new();
    let datasource = [
        ("kind", text(&source.datasource.kind)),
        ("name", text(&source.datasource.name)),
    ];
    spec.insert("datasource".to_owned(), object(datasource));
    spec.insert("query".to_owned(), text(&source.query));
    if let Some(name) = series_name(source, title) {
        spec.insert("seriesNameFormat".to_owned(), Value::String(name));
    }
    if source.step_ms > 0 {
        spec.insert(
            "minStep".to_owned(),
            Value::String(units::duration(source.step_ms)),
        );
    }
    Value::Object(spec)
}

/// `{{instance}} {{mode}}`; one series without labels of its own is called by the title.
fn series_name(source: &PanelSource, title: &str) -> Option<String> {
    let labels: Vec<String> = source
        .labels
        .iter()
        .filter(|label| is_label_name(label))
        .take(NAME_LABELS)
        .map(|label| format!("{{{{{label}}}}}"))
        .collect();
    if !labels.is_empty() {
        return Some(labels.join(" "));
    }
    (source.series == Some(1) && !title.contains("{{")).then(|| title.to_owned())
}

fn is_label_name(label: &str) -> bool {
    label
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::footer::tests::source;
    use super::*;
    use crate::panel::decide::TIME_SERIES;
    use persai_protocol::evidence::{MetricType, ResultKind};
    use serde_json::json;

    #[test]
    fn a_time_series_panel_is_whole_and_pinned() {
        assert_eq!(
            panel(&source(), TIME_SERIES, "CPU by mode"),
            json!({
                "kind": "Panel",
                "spec": {
                    "display": { "name": "CPU by mode" },
                    "plugin": { "kind": "TimeSeriesChart", "spec": {
                        "legend": { "position": "bottom", "mode": "list" },
                        "yAxis": { "format": { "unit": "decimal", "shortValues": true } },
                    }},
                    "queries": [{ "kind": "TimeSeriesQuery", "spec": { "plugin": {
                        "kind": "PrometheusTimeSeriesQuery",
                        "spec": {
                            "datasource": { "kind": "PrometheusDatasource", "name": "prom" },
                            "query": "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
                            "seriesNameFormat": "{{mode}}",
                            "minStep": "15s",
                        },
                    }}}],
                },
            })
        );
    }

    #[test]
    fn a_stat_panel_always_names_its_calculation() {
        let mut source = source();
        (source.mode, source.result, source.unit) = (
            QueryMode::Instant,
            ResultKind::Vector,
            Some("percent".into()),
        );
        let spec = panel(&source, STAT, "t")["spec"]["plugin"].clone();
        assert_eq!(
            spec,
            json!({ "kind": "StatChart", "spec": { "calculation": "last-number", "format": { "unit": "percent" } } })
        );
    }

    #[test]
    fn legend_unit_and_stacking_follow_the_result() {
        let mut source = source();
        source.series = Some(12);
        source.unit = Some("requests/sec".into());
        source.metric_type = Some(MetricType::Counter);
        let spec = panel(&source, TIME_SERIES, "t")["spec"]["plugin"]["spec"].clone();
        assert_eq!(spec["legend"]["mode"], "table");
        assert_eq!(spec["visual"]["stack"], "all");
        assert_eq!(spec["yAxis"]["min"], 0);
        source.unit = Some("celsius".into());
        let spec = panel(&source, TIME_SERIES, "t")["spec"]["plugin"]["spec"].clone();
        assert!(spec.get("yAxis").is_none() && spec.get("visual").is_none());
    }

    #[test]
    fn series_are_named_by_their_telling_labels() {
        let mut source = source();
        source.labels = ["instance", "mode", "bad label", "job", "cpu"]
            .map(ToOwned::to_owned)
            .to_vec();
        assert_eq!(
            series_name(&source, "t").as_deref(),
            Some("{{instance}} {{mode}} {{job}}")
        );
        source.labels.clear();
        assert_eq!(series_name(&source, "t"), None);
        source.series = Some(1);
        assert_eq!(
            series_name(&source, "Total load").as_deref(),
            Some("Total load")
        );
    }
}
