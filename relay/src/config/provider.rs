//! One LLM provider entry. Keys come from a variable or a file and never stand in the configuration itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::ConfigError;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Id of its model in the capabilities; `builtin` is taken.
    pub id: String,
    /// What the model picker shows; absent: the model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub kind: ProviderKind,
    /// For `openaiChat` the part before `/chat/completions`, e.g. `https://llm.example.com/v1`.
    #[serde(deserialize_with = "super::load::http_url")]
    pub base_url: Url,
    /// The provider's own name of the model.
    pub model: String,
    /// Name of the variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// File that holds the key; white space around it is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<PathBuf>,
    /// Most tokens of one answer of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// More request headers. Values are not shown by `config`.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "hide_values"
    )]
    pub headers: BTreeMap<String, String>,
    /// Plain http is refused for hosts other than this machine unless this is set.
    #[serde(default)]
    pub allow_http: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProviderKind {
    /// OpenAI's chat completions, as many servers speak them.
    OpenaiChat,
}

impl ProviderKind {
    /// As it stands in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openaiChat",
        }
    }
}

impl ProviderConfig {
    /// Host that questions and digests are sent to, with the port where it is not the scheme's own.
    #[must_use]
    pub fn sent_to(&self) -> String {
        let host = self.base_url.host_str().unwrap_or_default();
        self.base_url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Reads the key from its variable or file. `None` where neither is set.
    ///
    /// # Errors
    /// The variable is not set, the file cannot be read, or what they hold is empty.
    pub fn read_api_key(&self) -> Result<Option<SecretString>, ConfigError> {
        let (place, text) = match (&self.api_key_env, &self.api_key_file) {
            (Some(name), _) => {
                let text = std::env::var(name).map_err(|_| {
                    ConfigError::new(format!(
                        "provider {:?}: the variable {name} (api_key_env) is not set",
                        self.id
                    ))
                })?;
                (name.clone(), text)
            }
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    ConfigError::new(format!(
                        "provider {:?}: the file {} (api_key_file) cannot be read: {error}",
                        self.id,
                        path.display()
                    ))
                })?;
                (path.display().to_string(), text)
            }
            (None, None) => return Ok(None),
        };
        match text.trim() {
            "" => Err(ConfigError::new(format!(
                "provider {:?}: the key in {place} is empty",
                self.id
            ))),
            key => Ok(Some(SecretString::from(key.to_owned()))),
        }
    }
}

/// Header values may be secrets, so neither the dump nor a debug line shows them.
impl std::fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderConfig")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("base_url", &self.base_url.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

fn hide_values<S: Serializer>(
    headers: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, "(hidden)")))
}
