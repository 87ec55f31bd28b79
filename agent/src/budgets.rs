//! What one turn may spend.

/// Limits of one turn. A spent budget is named in a `persai.notice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// Model calls, retries included. The last one may call no tool and must answer.
    pub rounds: u32,
    pub tool_calls: u32,
    /// The only one that ends a run at once.
    pub wall_time_ms: u64,
    /// Input and output tokens together, as far as the provider says them.
    pub tokens: u64,
    /// Samples that datasources may send.
    pub samples: u64,
    /// Bytes that datasources may send, after decompression.
    pub bytes: u64,
    pub max_output_tokens: u32,
    /// One call of a datasource.
    pub call_max_bytes: usize,
    pub call_timeout_ms: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            rounds: 8,
            tool_calls: 24,
            wall_time_ms: 300_000,
            tokens: 400_000,
            samples: 20_000_000,
            bytes: 256 << 20,
            max_output_tokens: 4_096,
            call_max_bytes: 16 << 20,
            call_timeout_ms: 30_000,
        }
    }
}

/// What a turn has spent so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    pub rounds: u32,
    pub tool_calls: u32,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub samples: u64,
    pub bytes: u64,
}

impl Spent {
    /// Adds what a model call reported; unknown stays unknown, it is not zero.
    pub fn add_tokens(&mut self, input: Option<u64>, output: Option<u64>) {
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut self.input_tokens, input);
        add(&mut self.output_tokens, output);
    }

    /// The sentence for the budget that leaves no room for another tool call, if one does. `rounds` counts the model
    /// call that is about to be made.
    #[must_use]
    pub fn exhausted(&self, budgets: &Budgets) -> Option<String> {
        let tokens = self
            .input_tokens
            .unwrap_or(0)
            .saturating_add(self.output_tokens.unwrap_or(0));
        let named = |name: &str, limit: u64, word: &str| {
            Some(format!(
                "The {name} budget of this turn is spent ({limit} {word}); the answer uses what was found until then."
            ))
        };
        if self.rounds + 1 >= budgets.rounds.max(1) {
            named("rounds", u64::from(budgets.rounds), "rounds")
        } else if self.tool_calls >= budgets.tool_calls {
            named("tool calls", u64::from(budgets.tool_calls), "calls")
        } else if tokens >= budgets.tokens {
            named("tokens", budgets.tokens, "tokens")
        } else if self.samples >= budgets.samples {
            named("samples", budgets.samples, "samples")
        } else if self.bytes >= budgets.bytes {
            named("bytes", budgets.bytes, "bytes")
        } else {
            None
        }
    }
}
