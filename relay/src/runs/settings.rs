//! What holds for every run, out of the configuration.

use persai_agent::{Budgets, Policy};
use persai_guard::Mode;

use crate::config::{Config, GuardMode};

/// What holds for every run.
#[derive(Debug, Clone, Default)]
pub struct RunSettings {
    pub budgets: Budgets,
    pub guard: Policy,
    /// Prose of the operator, ranked right below the product's own rules.
    pub operator_rules: Option<String>,
    pub max_question_bytes: usize,
}

impl From<&Config> for RunSettings {
    fn from(config: &Config) -> Self {
        let limits = &config.budgets;
        let defaults = Budgets::default();
        let budgets = Budgets {
            rounds: limits.rounds,
            tool_calls: limits.tool_calls,
            wall_time_ms: limits.wall_time_secs.saturating_mul(1000),
            tokens: limits.input_tokens.saturating_add(limits.output_tokens),
            bytes: limits.turn_bytes,
            max_output_tokens: u32::try_from(limits.output_tokens)
                .unwrap_or(u32::MAX)
                .min(defaults.max_output_tokens),
            call_max_bytes: limits.result_bytes,
            call_timeout_ms: limits.tool_timeout_secs.saturating_mul(1000),
            ..defaults
        };
        let mode = match config.guard.mode {
            GuardMode::Off => Mode::Off,
            GuardMode::Shadow => Mode::Shadow,
            GuardMode::Enforce => Mode::Enforce,
        };
        Self {
            budgets,
            guard: Policy {
                mode,
                ..Policy::default()
            },
            operator_rules: None,
            max_question_bytes: config.max_question_bytes,
        }
    }
}
