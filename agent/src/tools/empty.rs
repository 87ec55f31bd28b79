//! Why a result is empty: the likely cause and the next step.

use persai_guard::tree::{Expr, MatchOp, Selector};
use persai_protocol::evidence::DatasourceSelector;
use serde::Serialize;

use super::turn::Turn;
use crate::neutral;
use crate::ports::{PromCall, PromEndpoint};
use crate::prom;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    pub kind: Kind,
    pub sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    NoMetric,
    NoLabelValue,
    /// A comparison that nothing fulfils: an answer, not a fault.
    ConditionNotMet,
    NoSamples,
}

pub(super) async fn explain(
    turn: &Turn,
    selector: &DatasourceSelector,
    tree: Option<&Expr>,
) -> Cause {
    let Some(tree) = tree else {
        return no_samples();
    };
    let Ok(catalog) = turn.catalog(selector).await else {
        return no_samples();
    };
    for metric in tree.metrics() {
        if catalog.has(metric) {
            continue;
        }
        let near: Vec<String> = catalog
            .search(metric)
            .iter()
            .take(3)
            .map(|hit| neutral::line(&hit.family.name, 120))
            .collect();
        return Cause {
            kind: Kind::NoMetric,
            sentence: format!(
                "There is no metric {} in this window.",
                neutral::quoted(metric, 120)
            ),
            next: Some(if near.is_empty() {
                "Find the right name with search_metrics.".to_owned()
            } else {
                format!("Near it: {}.", near.join(", "))
            }),
        };
    }
    let mut selectors: Vec<&Selector> = Vec::new();
    tree.walk(&mut |expr| {
        if let Expr::Selector(found) = expr {
            selectors.push(found);
        }
    });
    for found in selectors {
        if let Some(cause) = missing_value(turn, selector, found).await {
            return cause;
        }
    }
    if let Expr::Binary(binary) = tree
        && matches!(binary.op.as_str(), "==" | "!=" | ">" | "<" | ">=" | "<=")
    {
        return Cause {
            kind: Kind::ConditionNotMet,
            sentence: "The metric has data, and no series fulfils the condition.".to_owned(),
            next: Some("This is an answer: say that nothing fulfils it.".to_owned()),
        };
    }
    no_samples()
}

fn no_samples() -> Cause {
    Cause {
        kind: Kind::NoSamples,
        sentence: "No series has samples here.".to_owned(),
        next: Some(
            "Try a longer window; a rate needs at least two samples within its range. Absent data does not mean zero.".to_owned(),
        ),
    }
}

/// The first exact matcher whose value the metric does not have.
async fn missing_value(
    turn: &Turn,
    selector: &DatasourceSelector,
    found: &Selector,
) -> Option<Cause> {
    let metric = found.metric()?;
    if !turn.allows(selector, PromEndpoint::LabelValues).await {
        return None;
    }
    let (start_secs, end_secs) = turn.window_secs();
    let matchers = found.alternatives.first()?;
    for matcher in matchers
        .iter()
        .filter(|m| m.op == MatchOp::Equal && m.label != "__name__")
        .take(3)
    {
        let call = PromCall::LabelValues {
            label: matcher.label.clone(),
            matches: vec![format!("{{__name__={}}}", serde_json::Value::from(metric))],
            start_secs,
            end_secs,
            limit: Some(100),
        };
        let Ok(answer) = turn.call(selector, call).await else {
            continue;
        };
        let Ok(values) = prom::names(&answer.body) else {
            continue;
        };
        if values.contains(&matcher.value) {
            continue;
        }
        let examples: Vec<String> = values
            .iter()
            .take(8)
            .map(|value| neutral::quoted(value, 60))
            .collect();
        return Some(Cause {
            kind: Kind::NoLabelValue,
            sentence: format!(
                "{} has no label {} with the value {}.",
                neutral::line(metric, 120),
                neutral::line(&matcher.label, 60),
                neutral::quoted(&matcher.value, 60)
            ),
            next: Some(if examples.is_empty() {
                format!(
                    "{} has no label {}.",
                    neutral::line(metric, 120),
                    neutral::line(&matcher.label, 60)
                )
            } else {
                format!("Its values are {}.", examples.join(", "))
            }),
        });
    }
    None
}
