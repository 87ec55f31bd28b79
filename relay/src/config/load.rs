//! Reading, checking and showing the configuration. Later sources win: defaults, file, `PERSAI_*` variables.

use std::collections::HashSet;
use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use persai_protocol::id::is_valid_id;
use url::Url;

use super::{Config, ProviderConfig};

/// A sentence for the operator: which key, what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Variables of our prefix that are no configuration key: the path of the file is the command line's.
const NOT_KEYS: [&str; 1] = ["config"];

impl Config {
    /// Reads `path` (TOML) where given, then `PERSAI_*`; `__` goes one level down (`PERSAI_BUDGETS__ROUNDS=4`).
    ///
    /// # Errors
    /// The file cannot be read, a key is unknown or has a value that it cannot have.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = path {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ConfigError::new(format!(
                    "the configuration file {} cannot be read: {error}",
                    path.display()
                ))
            })?;
            figment = figment.merge(Toml::string(&text));
        }
        let mut ignored: Vec<String> = NOT_KEYS.map(str::to_owned).into();
        ignored.extend(key_variables(&figment));
        let ignored: Vec<&str> = ignored.iter().map(String::as_str).collect();
        let variables = Env::prefixed("PERSAI_")
            .filter(|name| !is_service_link(&name.as_str().to_lowercase()))
            .ignore(&ignored)
            .split("__");
        Self::from_figment(figment.merge(variables))
    }

    /// From TOML text alone, without variables.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::from_figment(Figment::from(Toml::string(text)))
    }

    fn from_figment(figment: Figment) -> Result<Self, ConfigError> {
        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::new(sentence_of(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_base_url("perses_url", &self.perses_url)?;
        for origin in &self.public_origins {
            check_origin(origin)?;
        }
        if self.max_question_bytes == 0 || self.max_question_bytes > self.max_body_bytes {
            return Err(ConfigError::new(
                "max_question_bytes must be at least 1 and at most max_body_bytes",
            ));
        }
        let mut ids = HashSet::from(["builtin"]);
        for provider in &self.providers {
            check_provider(provider)?;
            if !ids.insert(&provider.id) {
                return Err(ConfigError::new(format!(
                    "providers: the id {:?} is taken; each provider needs its own, and \"builtin\" is the built-in engine",
                    provider.id
                )));
            }
        }
        match &self.default_model {
            Some(id) if !ids.contains(id.as_str()) => Err(ConfigError::new(format!(
                "default_model: there is no provider with the id {id:?}"
            ))),
            _ => Ok(()),
        }
    }

    /// The effective configuration as TOML. It holds no secret: keys are named by variable or file, header values are
    /// hidden.
    ///
    /// # Errors
    /// A value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|error| ConfigError::new(error.to_string()))
    }
}

/// The `api_key_env` names of the file that carry our own prefix: they hold keys, not settings.
fn key_variables(figment: &Figment) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Entry {
        api_key_env: Option<String>,
    }
    let entries: Vec<Entry> = figment.extract_inner("providers").unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|entry| Some(entry.api_key_env?.strip_prefix("PERSAI_")?.to_lowercase()))
        .collect()
}

/// Kubernetes sets `PERSAI_PORT`, `PERSAI_SERVICE_HOST`, `PERSAI_PORT_8080_TCP_ADDR` and the like in every container
/// beside a service named `persai` or `persai-relay`. No key of ours is called so.
fn is_service_link(name: &str) -> bool {
    let name = name.strip_prefix("relay_").unwrap_or(name);
    name == "port"
        || ["port_", "service_host", "service_port"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// figment's first error, with the key's full path and without its profile name.
fn sentence_of(error: figment::Error) -> String {
    let Some(first) = error.into_iter().next() else {
        return "the configuration cannot be read".to_owned();
    };
    let path = first.path.join(".");
    let place = first
        .metadata
        .as_ref()
        .map(|metadata| metadata.name.to_string())
        .unwrap_or_default();
    let place = if place.contains("environment") {
        " (in the variables)"
    } else {
        ""
    };
    match &first.kind {
        figment::error::Kind::UnknownField(name, known) => {
            let parent = path
                .strip_suffix(name.as_str())
                .unwrap_or(&path)
                .trim_end_matches('.');
            let key = if parent.is_empty() {
                name.clone()
            } else {
                format!("{parent}.{name}")
            };
            format!("unknown key {key}{place}; known here: {}", known.join(", "))
        }
        figment::error::Kind::MissingField(name) => {
            let key = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}.{name}")
            };
            format!("the key {key} is missing")
        }
        kind if path.is_empty() => format!("{kind}{place}"),
        kind => format!("{path}{place}: {kind}"),
    }
}

/// Reads a URL with a sentence that names what is wrong; for serde.
pub(super) fn http_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    let text = text.trim();
    Url::parse(text).map_err(|error| {
        // The text may hold a password, so it is not repeated.
        serde::de::Error::custom(format!(
            "this is no URL ({error}); it must look like http://localhost:8080"
        ))
    })
}

fn check_base_url(key: &str, url: &Url) -> Result<(), ConfigError> {
    let wrong = |what: &str| {
        Err(ConfigError::new(format!(
            "{key}: {what}; it must look like http://localhost:8080"
        )))
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("only http and https are possible");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("the host is missing");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("a user name or password must not stand in the URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("a query or fragment must not stand in the URL");
    }
    Ok(())
}

fn check_origin(origin: &str) -> Result<(), ConfigError> {
    let plain = Url::parse(origin).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == origin
    });
    if plain {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "public_origins: {origin:?} is no origin; it must look like https://perses.example.com, without a path or a last slash"
    )))
}

fn check_provider(provider: &ProviderConfig) -> Result<(), ConfigError> {
    let key = |field: &str| format!("providers, {:?}, {field}", provider.id);
    if !is_valid_id(&provider.id) {
        return Err(ConfigError::new(format!(
            "{}: at most 128 of A-Z, a-z, 0-9, _ and -",
            key("id")
        )));
    }
    if provider.model.trim().is_empty() {
        return Err(ConfigError::new(format!(
            "{}: the model's name is empty",
            key("model")
        )));
    }
    check_base_url(&key("base_url"), &provider.base_url)?;
    if provider.base_url.scheme() == "http"
        && !provider.allow_http
        && !is_this_machine(&provider.base_url)
    {
        return Err(ConfigError::new(format!(
            "{}: plain http would send questions and the key unencrypted; use https, or set allow_http = true",
            key("base_url")
        )));
    }
    // The key itself written here by mistake must not be shown, so what is no name is not repeated.
    if provider
        .api_key_env
        .as_deref()
        .is_some_and(|name| !is_variable_name(name))
    {
        return Err(ConfigError::new(format!(
            "{}: this is the name of a variable (A-Z, a-z, 0-9 and _) that holds the key, not the key",
            key("api_key_env")
        )));
    }
    if provider.api_key_env.is_some() && provider.api_key_file.is_some() {
        return Err(ConfigError::new(format!(
            "{}: set either this or api_key_file, not both",
            key("api_key_env")
        )));
    }
    if provider.max_output_tokens == Some(0) {
        return Err(ConfigError::new(format!(
            "{}: must be at least 1",
            key("max_output_tokens")
        )));
    }
    for (name, value) in &provider.headers {
        if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err()
        {
            return Err(ConfigError::new(format!(
                "{}: {name:?} cannot be a header",
                key("headers")
            )));
        }
    }
    Ok(())
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_service_link;

    #[test]
    fn kubernetes_own_variables_are_no_keys() {
        for name in [
            "port",
            "service_host",
            "service_port_http",
            "port_8080_tcp_addr",
            "relay_service_host",
            "relay_port",
        ] {
            assert!(is_service_link(name), "{name}");
        }
        for name in ["listen", "perses_url", "public_origins", "ports"] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
