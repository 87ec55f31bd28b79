//! The relay's configuration: one TOML file plus `PERSAI_*` variables.
//!
//! Start with [`Config`]; [`provider`] has the LLM providers, [`load`] how the parts are read, checked and shown.

pub mod load;
pub mod provider;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

pub use load::ConfigError;
pub use provider::{ProviderConfig, ProviderKind};

/// Everything that can be set. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The one Perses that is asked: http or https, a path prefix is allowed, no user info, query or fragment.
    #[serde(deserialize_with = "load::http_url")]
    pub perses_url: Url,
    /// Origins that may send changing requests with cookies. Empty: the request's own `Host`.
    #[serde(default)]
    pub public_origins: Vec<String>,
    /// Folder of the conversation log; made when absent.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// Serve the whole origin: everything but `/persai` is passed to Perses as it is.
    #[serde(default)]
    pub front: bool,
    /// Longest question, in bytes.
    #[serde(default = "default_max_question_bytes")]
    pub max_question_bytes: usize,
    /// Longest request body under `/persai`, in bytes.
    #[serde(default = "default_max_body_bytes")]
    pub max_body_bytes: usize,
    /// Log filter, as `RUST_LOG` has it.
    #[serde(default = "default_log")]
    pub log: String,
    #[serde(default)]
    pub budgets: Budgets,
    #[serde(default)]
    pub guard: GuardConfig,
    /// LLM providers; none: the built-in engine alone.
    #[serde(default)]
    pub providers: Vec<ProviderConfig>,
    /// Id of a provider or `builtin`. Absent: the first provider, else `builtin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
}

/// Limits of one turn (a question up to its final answer). The one that ends a run is named in the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// Model calls; the last may call no tool.
    pub rounds: u32,
    pub tool_calls: u32,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub wall_time_secs: u64,
    /// One tool call's time at the datasource.
    pub tool_timeout_secs: u64,
    /// One datasource answer, after decompression.
    pub result_bytes: usize,
    /// All datasource answers of a turn.
    pub turn_bytes: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            rounds: 8,
            tool_calls: 24,
            input_tokens: 400_000,
            output_tokens: 32_000,
            wall_time_secs: 300,
            tool_timeout_secs: 30,
            result_bytes: 8 * 1024 * 1024,
            turn_bytes: 64 * 1024 * 1024,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    pub mode: GuardMode,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            mode: GuardMode::Enforce,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GuardMode {
    /// Queries run as they are; only caps on range and points hold.
    Off,
    /// Verdicts are shown and hold nothing back.
    Shadow,
    Enforce,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("persai-data")
}

fn default_max_question_bytes() -> usize {
    64 * 1024
}

fn default_max_body_bytes() -> usize {
    1024 * 1024
}

fn default_log() -> String {
    "info".to_owned()
}
