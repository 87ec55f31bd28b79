//! What Perses says of a Prometheus datasource: whether it is proxied, which endpoints it allows, how often it scrapes.

use persai_agent::ports::{DataError, DatasourceInfo, PromEndpoint};
use regex::RegexBuilder;
use serde::Deserialize;

use super::calls::{Method, PROM_ENDPOINTS, endpoint_path};

pub const PROMETHEUS_KIND: &str = "PrometheusDatasource";
/// Perses' own default where the datasource says nothing.
const DEFAULT_SCRAPE_INTERVAL_SECS: u64 = 60;
/// A longer one counts as this, a year: steps are made of it.
const MAX_SCRAPE_INTERVAL_SECS: u64 = 365 * 86_400;

/// A `GlobalDatasource` or `Datasource` document, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Document {
    pub metadata: Metadata,
    pub spec: Spec,
}

#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct Spec {
    #[serde(default)]
    pub default: bool,
    pub plugin: Plugin,
}

#[derive(Debug, Deserialize)]
pub struct Plugin {
    pub kind: String,
    #[serde(default)]
    pub spec: PluginSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginSpec {
    direct_url: Option<String>,
    proxy: Option<Proxy>,
    scrape_interval: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Proxy {
    #[serde(default)]
    spec: ProxySpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxySpec {
    allowed_endpoints: Option<Vec<AllowedEndpoint>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowedEndpoint {
    endpoint_pattern: String,
    method: String,
}

/// A datasource as one run knows it.
#[derive(Debug)]
pub struct Datasource {
    scrape_interval_secs: u64,
    /// Empty: everything is allowed.
    rules: Vec<(Method, regex::Regex)>,
    /// Whether `allowedEndpoints` were listed at all, readable or not.
    restricted: bool,
}

impl Datasource {
    /// # Errors
    /// It is of another kind, or the browser calls it without Perses.
    pub fn read(document: Document) -> Result<Self, DataError> {
        if document.spec.plugin.kind != PROMETHEUS_KIND {
            return Err(DataError::Unknown);
        }
        let spec = document.spec.plugin.spec;
        let direct = spec.direct_url.is_some_and(|url| !url.is_empty());
        let proxy = match spec.proxy {
            Some(proxy) if !direct => proxy,
            _ => return Err(DataError::NotProxied),
        };
        let allowed = proxy.spec.allowed_endpoints.unwrap_or_default();
        Ok(Self {
            scrape_interval_secs: spec
                .scrape_interval
                .as_deref()
                .and_then(duration_secs)
                .unwrap_or(DEFAULT_SCRAPE_INTERVAL_SECS),
            restricted: !allowed.is_empty(),
            rules: allowed.iter().filter_map(rule).collect(),
        })
    }

    #[must_use]
    pub fn info(&self) -> DatasourceInfo {
        DatasourceInfo {
            scrape_interval_secs: self.scrape_interval_secs,
            allowed: PROM_ENDPOINTS
                .into_iter()
                .filter(|endpoint| self.method_for(*endpoint, "__name__").is_some())
                .collect(),
        }
    }

    /// POST where it is possible and allowed (long queries), else GET, else nothing. `label` matters only for label
    /// values.
    #[must_use]
    pub fn method_for(&self, endpoint: PromEndpoint, label: &str) -> Option<Method> {
        [Method::Post, Method::Get].into_iter().find(|method| {
            endpoint_path(*method, endpoint)
                .is_some_and(|path| self.allows(*method, &path.replace("{label}", label)))
        })
    }

    /// Perses' rule: the method is equal and the pattern is found anywhere in the path.
    fn allows(&self, method: Method, path: &str) -> bool {
        !self.restricted
            || self
                .rules
                .iter()
                .any(|(allowed, pattern)| *allowed == method && pattern.is_match(path))
    }
}

/// A pattern that only Go can read allows nothing here: then the tool says that the endpoint is not allowed.
fn rule(allowed: &AllowedEndpoint) -> Option<(Method, regex::Regex)> {
    let method = match allowed.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        _ => return None,
    };
    let pattern = RegexBuilder::new(&allowed.endpoint_pattern)
        .size_limit(1 << 18)
        .build()
        .ok()?;
    Some((method, pattern))
}

/// Prometheus' duration form (`1m30s`, largest unit first), in seconds, rounded up. `None` where it is not one, or 0.
fn duration_secs(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000),
    ];
    let mut rest = text;
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_len = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let factor = UNITS.iter().find(|(name, _)| *name == &rest[..unit_len])?.1;
        millis = millis.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[unit_len..];
    }
    (millis > 0).then(|| millis.div_ceil(1_000).min(MAX_SCRAPE_INTERVAL_SECS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use persai_agent::ports::{DataError, PromEndpoint};
    use serde_json::json;

    use super::{Datasource, Document, Method, duration_secs};

    fn read(plugin_spec: serde_json::Value) -> Result<Datasource, DataError> {
        let document = json!({
            "kind": "GlobalDatasource", "metadata": {"name": "prom"},
            "spec": {"default": true, "plugin": {"kind": "PrometheusDatasource", "spec": plugin_spec}}
        });
        Datasource::read(serde_json::from_value::<Document>(document).unwrap())
    }

    fn proxied(allowed: serde_json::Value) -> Datasource {
        read(json!({"proxy": {"kind": "HTTPProxy", "spec": {"url": "http://x", "allowedEndpoints": allowed}}})).unwrap()
    }

    #[test]
    fn without_a_list_everything_is_allowed_and_post_is_preferred() {
        let datasource =
            read(json!({"proxy": {"kind": "HTTPProxy", "spec": {"url": "http://x"}}})).unwrap();
        assert_eq!(datasource.info().allowed.len(), 8);
        assert_eq!(datasource.info().scrape_interval_secs, 60);
        assert_eq!(
            datasource.method_for(PromEndpoint::Query, ""),
            Some(Method::Post)
        );
        assert_eq!(
            datasource.method_for(PromEndpoint::LabelValues, "job"),
            Some(Method::Get)
        );
    }

    #[test]
    fn patterns_are_unanchored_and_methods_equal_as_perses_has_it() {
        let datasource = proxied(json!([{"endpointPattern": "/api/v1/query", "method": "GET"}]));
        assert_eq!(
            datasource.method_for(PromEndpoint::Query, ""),
            Some(Method::Get)
        );
        assert_eq!(
            datasource.method_for(PromEndpoint::QueryRange, ""),
            Some(Method::Get),
            "unanchored"
        );
        assert_eq!(datasource.method_for(PromEndpoint::Labels, ""), None);
        assert_eq!(
            datasource.info().allowed,
            [PromEndpoint::Query, PromEndpoint::QueryRange]
        );
    }

    #[test]
    fn a_list_that_only_go_can_read_allows_nothing() {
        let datasource = proxied(json!([{"endpointPattern": "(?<=x)", "method": "GET"}]));
        assert!(datasource.info().allowed.is_empty());
    }

    #[test]
    fn what_the_browser_calls_directly_is_not_proxied() {
        assert_eq!(
            read(json!({"directUrl": "http://prom:9090"})).err(),
            Some(DataError::NotProxied)
        );
        assert_eq!(read(json!({})).err(), Some(DataError::NotProxied));
    }

    #[test]
    fn scrape_intervals_are_prometheus_durations() {
        for (text, secs) in [
            ("15s", Some(15)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("500ms", Some(1)),
            ("99999999y", Some(super::MAX_SCRAPE_INTERVAL_SECS)),
        ] {
            assert_eq!(duration_secs(text), secs, "{text}");
        }
        for bad in ["", "0s", "15", "s", "1x", "1.5m", "-1s"] {
            assert_eq!(duration_secs(bad), None, "{bad}");
        }
    }
}
