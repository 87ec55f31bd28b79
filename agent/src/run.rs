//! One run: what it is given, and how it ends. The way between is in `rounds.rs`.

use std::collections::BTreeMap;

use persai_protocol::custom::TimeRange;
use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::rest::RunState;

use crate::budgets::{Budgets, Spent};
use crate::cancel::Cancel;
use crate::message::Message;
use crate::ports::Ports;
use crate::rounds::Rounds;

/// What a run answers, and within which limits.
#[derive(Debug, Clone)]
pub struct Run {
    pub conversation_id: String,
    pub run_id: String,
    pub question: String,
    /// Oldest first, ending with the user's question.
    pub history: Vec<Message>,
    /// Already resolved: empty only where this Perses has none.
    pub datasources: Vec<DatasourceSelector>,
    pub time_range: TimeRange,
    /// Minutes to add to UTC to get the asker's local time (Kathmandu: 345).
    pub utc_offset_minutes: i32,
    pub suggested_step_ms: Option<i64>,
    pub variables: BTreeMap<String, Vec<String>>,
    pub budgets: Budgets,
    pub guard: persai_guard::Policy,
    /// Prose of the operator, ranked right below the product's own rules.
    pub operator_rules: Option<String>,
}

/// How a run ended. Its last event is written already, except where the journal itself failed.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// `Finished`, `Cancelled` or `Failed`.
    pub state: RunState,
    /// Where it failed or was cancelled.
    pub code: Option<ErrorCode>,
    /// For the operator's log, scrubbed; never for the browser.
    pub cause: Option<String>,
    pub spent: Spent,
}

/// Runs to the end. Writes everything from the first `STEP_STARTED` to the final `RUN_FINISHED` or `RUN_ERROR`; the
/// caller has written `RUN_STARTED`, `persai.turn` and the user's message before.
pub async fn run(run: Run, ports: Ports, cancel: Cancel) -> RunEnd {
    Rounds::new(run, ports, cancel).run().await
}
