//! One tool call, from its start to its result, and its card.

use persai_protocol::custom::ToolOutcome;
use persai_protocol::evidence::{DatasourceSelector, Evidence};
use serde_json::Value;

use crate::panel::{self, PanelContext, PanelSource, foreign, source::verdict_word};
use crate::view::{PanelView, ToolState, ToolView};

/// Longest text of a card's part that crosses the boundary, characters.
const LONGEST_TEXT: usize = 64 * 1024;

#[derive(Debug)]
pub struct Tool {
    /// In the view, where each is unique even if two runs use the same.
    pub id: String,
    pub wire_id: String,
    name: String,
    /// The AG-UI message that made the call.
    pub parent_message: Option<String>,
    /// The AG-UI message that holds the result.
    pub result_message: Option<String>,
    /// As streamed; JSON once complete.
    arguments: String,
    parsed: Option<Value>,
    started_at_ms: i64,
    state: ToolState,
    evidence: Option<Evidence>,
    outcome: Option<ToolOutcome>,
    /// What the model was told.
    digest: Option<String>,
    pub open: bool,
    chosen_kind: Option<String>,
    /// What a foreign query without a datasource is shown from.
    datasource: Option<DatasourceSelector>,
    pub dirty: bool,
}

impl Tool {
    pub fn new(
        id: String,
        wire_id: String,
        name: String,
        parent_message: Option<String>,
        datasource: Option<DatasourceSelector>,
        now_ms: i64,
    ) -> Self {
        Self {
            id,
            wire_id,
            name,
            parent_message,
            result_message: None,
            arguments: String::new(),
            parsed: None,
            started_at_ms: now_ms,
            state: ToolState::Running,
            evidence: None,
            outcome: None,
            digest: None,
            open: false,
            chosen_kind: None,
            datasource,
            dirty: true,
        }
    }

    pub fn add_arguments(&mut self, delta: &str) {
        self.arguments.push_str(delta);
        self.dirty |= self.open;
    }

    pub fn end_arguments(&mut self) {
        self.parsed = crate::wire::json(&self.arguments);
        self.dirty = true;
    }

    pub fn set_evidence(&mut self, evidence: Evidence) {
        self.evidence = Some(evidence);
        self.dirty = true;
    }

    pub fn set_outcome(&mut self, outcome: ToolOutcome) {
        self.state = if outcome.ok {
            ToolState::Done
        } else {
            ToolState::Failed
        };
        self.outcome = Some(outcome);
        self.dirty = true;
    }

    pub fn set_result(&mut self, message: String, content: String) {
        self.result_message = Some(message);
        self.digest = Some(content);
        if self.outcome.is_none() {
            self.state = ToolState::Done;
        }
        self.dirty = true;
    }

    /// Its run has ended: what has no result will get none.
    pub fn run_ended(&mut self) {
        if self.state == ToolState::Running {
            self.state = ToolState::Stopped;
            self.dirty = true;
        }
    }

    pub fn choose_kind(&mut self, kind: String) {
        self.chosen_kind = Some(kind);
        self.dirty = true;
    }

    pub fn is_running(&self) -> bool {
        self.state == ToolState::Running
    }

    pub fn belongs_to(&self, messages: &[String]) -> bool {
        [&self.parent_message, &self.result_message]
            .into_iter()
            .flatten()
            .any(|id| messages.contains(id))
    }

    pub fn title(&self) -> String {
        let described = || self.parsed.as_ref()?.get("description")?.as_str();
        let title = self
            .evidence
            .as_ref()
            .map(|evidence| evidence.title.as_str())
            .filter(|title| !title.is_empty());
        match title
            .or_else(described)
            .map(str::trim)
            .filter(|title| !title.is_empty())
        {
            Some(title) => title.to_owned(),
            None => humanise(&self.name),
        }
    }

    pub fn view(&self, context: Option<PanelContext<'_>>) -> ToolView {
        let duration = self.outcome.as_ref().map(|outcome| outcome.duration_ms);
        ToolView {
            tool_call_id: self.id.clone(),
            name: self.name.clone(),
            title: self.title(),
            state: self.state,
            started_at_ms: self.started_at_ms,
            duration_ms: duration.or(self.evidence.as_ref().map(|evidence| evidence.duration_ms)),
            open: self.open,
            summary: self
                .outcome
                .as_ref()
                .map(|outcome| outcome.summary.clone())
                .filter(|text| !text.is_empty()),
            verdict: self
                .evidence
                .as_ref()
                .map(|evidence| verdict_word(evidence.verdict.decision).to_owned()),
            arguments: self.while_open(|| Some(self.pretty_arguments())),
            query: self.while_open(|| {
                self.evidence
                    .as_ref()
                    .map(|evidence| evidence.query.clone())
            }),
            digest: self.while_open(|| self.digest.clone()),
            warnings: self.warnings(),
            panel: context.and_then(|context| self.panel(context)),
        }
    }

    fn while_open(&self, text: impl FnOnce() -> Option<String>) -> Option<String> {
        if !self.open {
            return None;
        }
        let mut text = text()?;
        if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
            text.truncate(end);
            text.push_str("\n…");
        }
        Some(text)
    }

    fn pretty_arguments(&self) -> String {
        match &self.parsed {
            Some(value) => {
                serde_json::to_string_pretty(value).unwrap_or_else(|_| self.arguments.clone())
            }
            None => self.arguments.clone(),
        }
    }

    /// The guard's reason is a warning to the reader as well.
    fn warnings(&self) -> Vec<String> {
        let Some(evidence) = &self.evidence else {
            return Vec::new();
        };
        evidence
            .verdict
            .reason
            .iter()
            .chain(&evidence.warnings)
            .cloned()
            .collect()
    }

    fn panel(&self, context: PanelContext<'_>) -> Option<PanelView> {
        if matches!(self.state, ToolState::Failed) {
            return None;
        }
        let source = match (&self.evidence, &self.outcome) {
            (Some(evidence), _) => PanelSource::of_evidence(evidence),
            // Our own relay tells an outcome; without evidence it asked nothing that has a panel.
            (None, Some(_)) => return None,
            (None, None) if self.state != ToolState::Done => return None,
            (None, None) => foreign::source(
                &self.name,
                &self.title(),
                self.parsed.as_ref()?,
                self.datasource.as_ref()?,
                self.started_at_ms,
            )?,
        };
        panel::panel(&source, self.chosen_kind.as_deref(), context)
    }
}

/// `query_metrics` → "Query metrics".
fn humanise(name: &str) -> String {
    let words = name.replace(['_', '-', '.'], " ");
    let mut chars = words.trim().chars();
    match chars.next() {
        Some(first) => [first.to_ascii_uppercase()]
            .into_iter()
            .chain(chars)
            .collect(),
        None => "Tool".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_comes_from_the_description_else_from_the_name() {
        let mut tool = Tool::new(
            "t".into(),
            "t".into(),
            "query_metrics".into(),
            None,
            None,
            0,
        );
        assert_eq!(tool.title(), "Query metrics");
        tool.add_arguments(r#"{"description":" p95 by instance ","query":"x"}"#);
        assert_eq!(
            tool.title(),
            "Query metrics",
            "arguments are read once they are whole"
        );
        tool.end_arguments();
        assert_eq!(tool.title(), "p95 by instance");
        assert_eq!(humanise(""), "Tool");
    }

    #[test]
    fn details_cross_only_while_the_card_is_open() {
        let mut tool = Tool::new("t".into(), "t".into(), "x".into(), None, None, 0);
        tool.add_arguments("{\"a\":1}");
        tool.end_arguments();
        tool.set_result("m".into(), "digest".into());
        let closed = tool.view(None);
        assert_eq!((closed.arguments, closed.digest), (None, None));
        tool.open = true;
        let open = tool.view(None);
        assert_eq!(open.arguments.as_deref(), Some("{\n  \"a\": 1\n}"));
        assert_eq!(open.digest.as_deref(), Some("digest"));
        assert_eq!(open.state, ToolState::Done);
    }
}
