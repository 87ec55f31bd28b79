//! The rules: a query, its window and what is known of its size in; a decision with a sentence out.
//!
//! A query that [`crate::adapter`] cannot read is not called wrong: the decision is `ask`. Until the UI can ask, the
//! agent runs such a query and shows the reason; the rules that need no tree (window, points) still hold, and the
//! datasource itself says what is wrong with it.

use persai_protocol::evidence::{Decision, Verdict};

use crate::adapter;
use crate::breadth;
use crate::tree::Expr;

/// Prometheus refuses a range query with more points per series than this.
pub const PROMETHEUS_MAX_POINTS: u64 = 11_000;

/// What the operator set.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub mode: Mode,
    /// Longest window of a range query, and furthest reach of a range vector or an offset.
    pub max_range_secs: i64,
    /// Points per series; never above [`PROMETHEUS_MAX_POINTS`].
    pub max_points: u64,
    /// Points times series, where the number of series is known.
    pub max_samples: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything is allowed; nothing is looked at.
    Off,
    /// Rules are evaluated and their reasons shown, but nothing is changed or stopped.
    Shadow,
    Enforce,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            max_range_secs: 32 * 86_400,
            max_points: PROMETHEUS_MAX_POINTS,
            max_samples: 5_000_000,
        }
    }
}

/// A query as it would be run, variables expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    pub query: &'a str,
    /// Length of the window; 0 for an instant query.
    pub range_secs: i64,
    /// 0 for an instant query.
    pub step_secs: i64,
    /// Series that the query is known to read or give, where anything is known.
    pub known_series: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// With `narrow`: what to run instead.
    pub narrowed: Option<Narrowed>,
    /// Whether the mode and the decision together stop the query.
    pub blocked: bool,
    /// The query's tree, where it could be read.
    pub tree: Option<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Narrowed {
    pub step_secs: i64,
}

struct Finding {
    decision: Decision,
    reason: String,
    narrowed: Option<Narrowed>,
}

impl Finding {
    fn deny(reason: impl Into<String>) -> Option<Self> {
        Some(Self {
            decision: Decision::Deny,
            reason: reason.into(),
            narrowed: None,
        })
    }
}

/// Judges one query.
#[must_use]
pub fn judge(request: &Request<'_>, policy: &Policy) -> Judgement {
    let parsed = adapter::parse(request.query);
    let tree = parsed.as_ref().ok().cloned();
    if policy.mode == Mode::Off {
        return Judgement {
            verdict: allow(),
            narrowed: None,
            blocked: false,
            tree,
        };
    }
    let finding = match &parsed {
        Err(adapter::Unreadable::TooLong { limit }) => {
            Finding::deny(format!("The query is longer than {limit} bytes."))
        }
        Err(adapter::Unreadable::TooDeep) => Finding::deny("The query is nested too deeply."),
        Err(adapter::Unreadable::EmptySelector) => Finding::deny(
            "A selector without an effective matcher would read every series. Name a metric, or give a label an exact value.",
        ),
        _ => None,
    };
    let finding = finding
        .or_else(|| window(request, policy))
        .or_else(|| {
            parsed
                .as_ref()
                .ok()
                .and_then(|tree| selectors(tree, policy))
        })
        .or_else(|| {
            parsed
                .as_ref()
                .ok()
                .and_then(|tree| subqueries(tree, request, policy))
        })
        .or_else(|| points(request, policy))
        .or_else(|| {
            parsed.as_ref().err().map(|why| Finding {
                decision: Decision::Ask,
                reason: format!(
                    "The guard could not read this query ({why}), so only its window was checked."
                ),
                narrowed: None,
            })
        });
    let Some(finding) = finding else {
        return Judgement {
            verdict: allow(),
            narrowed: None,
            blocked: false,
            tree,
        };
    };
    let enforced = policy.mode == Mode::Enforce;
    let reason = if enforced {
        finding.reason
    } else {
        format!("Not enforced here, shown only: {}", finding.reason)
    };
    Judgement {
        verdict: Verdict {
            decision: finding.decision,
            reason: Some(reason),
        },
        narrowed: finding.narrowed.filter(|_| enforced),
        blocked: enforced && finding.decision == Decision::Deny,
        tree,
    }
}

fn allow() -> Verdict {
    Verdict {
        decision: Decision::Allow,
        reason: None,
    }
}

fn window(request: &Request<'_>, policy: &Policy) -> Option<Finding> {
    if request.range_secs < 0 || (request.range_secs > 0 && request.step_secs <= 0) {
        return Finding::deny("The window ends before it starts, or its step is not above zero.");
    }
    if request.range_secs > policy.max_range_secs {
        return Finding::deny(format!(
            "The window is {} long; at most {} may be asked at once. Take a shorter window.",
            days(request.range_secs),
            days(policy.max_range_secs)
        ));
    }
    None
}

/// Every selector must narrow down what it reads, and may not reach back further than a window may be long.
fn selectors(tree: &Expr, policy: &Policy) -> Option<Finding> {
    let mut found = None;
    tree.walk(&mut |expr| {
        if found.is_some() {
            return;
        }
        let reach_ms = match expr {
            Expr::Selector(selector) => {
                if let Some(text) = breadth::too_broad(selector) {
                    found = Finding::deny(format!(
                        "{text} would read every series of the datasource. Name a metric, or give a label an exact value."
                    ));
                    return;
                }
                selector.range_ms.unwrap_or(0).max(selector.offset_ms.abs())
            }
            Expr::Subquery(subquery) => subquery.range_ms.max(subquery.offset_ms.abs()),
            _ => 0,
        };
        if reach_ms / 1000 > policy.max_range_secs {
            found = Finding::deny(format!(
                "The query reaches back {}; at most {} are allowed.",
                days(reach_ms / 1000),
                days(policy.max_range_secs)
            ));
        }
    });
    found
}

/// A subquery evaluates its inside at each of its own steps, for each step of the outer query.
fn subqueries(tree: &Expr, request: &Request<'_>, policy: &Policy) -> Option<Finding> {
    fn inner_points(expr: &Expr, fallback_step_ms: i64) -> u64 {
        match expr {
            Expr::Subquery(subquery) => {
                let step_ms = subquery.step_ms.unwrap_or(fallback_step_ms).max(1);
                let own = u64::try_from(subquery.range_ms / step_ms)
                    .unwrap_or(0)
                    .max(1);
                own.saturating_mul(inner_points(&subquery.arg, fallback_step_ms))
            }
            Expr::Call { args, .. } => args
                .iter()
                .map(|arg| inner_points(arg, fallback_step_ms))
                .max()
                .unwrap_or(1),
            Expr::Aggregate(aggregate) => {
                let of_param = aggregate
                    .param
                    .as_ref()
                    .map_or(1, |param| inner_points(param, fallback_step_ms));
                inner_points(&aggregate.arg, fallback_step_ms).max(of_param)
            }
            Expr::Binary(binary) => inner_points(&binary.left, fallback_step_ms)
                .max(inner_points(&binary.right, fallback_step_ms)),
            Expr::Negate(arg) => inner_points(arg, fallback_step_ms),
            Expr::Selector(_) | Expr::Number(_) | Expr::Text(_) => 1,
        }
    }
    // Prometheus' default evaluation interval, which a subquery without a step takes.
    let inner = inner_points(tree, 60_000);
    if inner <= 1 {
        return None;
    }
    let outer = outer_points(request);
    let total = inner
        .saturating_mul(outer)
        .saturating_mul(request.known_series.unwrap_or(1).max(1));
    if inner > policy.max_points || total > policy.max_samples {
        return Finding::deny(format!(
            "Its subquery has {inner} points for each of {outer} steps. Give the subquery a longer step or a shorter range."
        ));
    }
    None
}

fn outer_points(request: &Request<'_>) -> u64 {
    if request.step_secs <= 0 {
        return 1;
    }
    u64::try_from(request.range_secs / request.step_secs).unwrap_or(0) + 1
}

/// Too many points for a series, or for all series together: a longer step is enough, so the query is narrowed.
fn points(request: &Request<'_>, policy: &Policy) -> Option<Finding> {
    if request.step_secs <= 0 {
        return None;
    }
    let max_points = policy.max_points.clamp(1, PROMETHEUS_MAX_POINTS);
    let series = request.known_series.unwrap_or(1).max(1);
    let allowed = max_points.min(policy.max_samples / series);
    if allowed < 2 {
        return Finding::deny(format!(
            "The query reads {series} series, too many for a chart. Aggregate first, or take topk."
        ));
    }
    let points = outer_points(request);
    if points <= allowed {
        return None;
    }
    let intervals = i64::try_from(allowed - 1).unwrap_or(i64::MAX).max(1);
    let step_secs =
        request.range_secs.div_euclid(intervals) + i64::from(request.range_secs % intervals != 0);
    Some(Finding {
        decision: Decision::Narrow,
        reason: format!(
            "A step of {} s would give {points} points a series{}; the step was set to {step_secs} s.",
            request.step_secs,
            if series > 1 {
                format!(" for {series} series")
            } else {
                String::new()
            }
        ),
        narrowed: Some(Narrowed { step_secs }),
    })
}

fn days(secs: i64) -> String {
    match secs {
        s if s >= 86_400 && s % 86_400 == 0 => format!("{} days", s / 86_400),
        s if s >= 86_400 => format!("{:.1} days", s as f64 / 86_400.0),
        s if s >= 3_600 => format!("{:.1} hours", s as f64 / 3_600.0),
        s => format!("{s} s"),
    }
}
