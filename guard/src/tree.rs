//! Our own small tree of a PromQL query: what rules and unit derivation need, and nothing of a parser.

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Selector(Selector),
    Call { function: String, args: Vec<Expr> },
    Aggregate(Aggregate),
    Binary(Box<Binary>),
    Subquery(Box<Subquery>),
    Negate(Box<Expr>),
    Number(f64),
    Text(String),
}

/// A vector selector, or a range vector selector where `range_ms` is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// Alternatives joined by `or` inside the braces; nearly always one. Each includes the metric name as a matcher of
    /// `__name__`.
    pub alternatives: Vec<Vec<Matcher>>,
    pub range_ms: Option<i64>,
    pub offset_ms: i64,
    /// Has an `@` modifier.
    pub at: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    pub op: MatchOp,
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// In lower case, e.g. `sum`.
    pub op: String,
    pub param: Option<Box<Expr>>,
    pub arg: Box<Expr>,
    pub grouping: Grouping,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    None,
    By(Vec<String>),
    Without(Vec<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// As written: `+`, `/`, `==`, `and`, ...
    pub op: String,
    pub left: Expr,
    pub right: Expr,
    /// The `bool` modifier: a comparison gives 0 or 1.
    pub returns_bool: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub arg: Expr,
    pub range_ms: i64,
    /// Absent: the server's own default.
    pub step_ms: Option<i64>,
    pub offset_ms: i64,
}

impl Selector {
    /// The metric that every alternative names with `=`, where they agree.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        let mut names = self.alternatives.iter().map(|matchers| {
            matchers
                .iter()
                .find(|m| m.label == "__name__" && m.op == MatchOp::Equal)
                .map(|m| m.value.as_str())
        });
        let first = names.next()??;
        names.all(|name| name == Some(first)).then_some(first)
    }
}

impl Expr {
    /// Calls `visit` on this expression and everything below it, outermost first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        match self {
            Self::Call { args, .. } => args.iter().for_each(|arg| arg.walk(visit)),
            Self::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    param.walk(visit);
                }
                aggregate.arg.walk(visit);
            }
            Self::Binary(binary) => {
                binary.left.walk(visit);
                binary.right.walk(visit);
            }
            Self::Subquery(subquery) => subquery.arg.walk(visit),
            Self::Negate(arg) => arg.walk(visit),
            Self::Selector(_) | Self::Number(_) | Self::Text(_) => {}
        }
    }

    /// Names of the metrics that are read, in the order of their first use.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.walk(&mut |expr| {
            if let Self::Selector(selector) = expr
                && let Some(name) = selector.metric()
                && !names.contains(&name)
            {
                names.push(name);
            }
        });
        names
    }

    /// The outermost function or aggregation, e.g. `sum` or `rate`.
    #[must_use]
    pub fn outermost(&self) -> Option<&str> {
        match self {
            Self::Call { function, .. } => Some(function),
            Self::Aggregate(aggregate) => Some(&aggregate.op),
            Self::Negate(arg) => arg.outermost(),
            _ => None,
        }
    }

    /// The labels that the outermost aggregation keeps with `by`.
    #[must_use]
    pub fn by_labels(&self) -> &[String] {
        match self {
            Self::Aggregate(Aggregate {
                grouping: Grouping::By(labels),
                ..
            }) => labels,
            // topk(5, sum by (x) (...)), histogram_quantile(0.9, sum by (le, x) (...))
            Self::Aggregate(Aggregate {
                arg,
                grouping: Grouping::None,
                ..
            }) => arg.by_labels(),
            Self::Call { args, .. } => args.last().map_or(&[], |arg| arg.by_labels()),
            Self::Negate(arg) => arg.by_labels(),
            Self::Binary(binary) => binary.left.by_labels(),
            _ => &[],
        }
    }

    /// Whether every selector of `metric` stands below rate, irate or increase.
    #[must_use]
    pub fn is_rated(&self, metric: &str) -> bool {
        fn all_rated(expr: &Expr, metric: &str, rated: bool) -> bool {
            match expr {
                Expr::Selector(selector) => rated || selector.metric() != Some(metric),
                Expr::Call { function, args } => {
                    let rated = rated || matches!(function.as_str(), "rate" | "irate" | "increase");
                    args.iter().all(|arg| all_rated(arg, metric, rated))
                }
                Expr::Aggregate(aggregate) => all_rated(&aggregate.arg, metric, rated),
                Expr::Binary(binary) => {
                    all_rated(&binary.left, metric, rated)
                        && all_rated(&binary.right, metric, rated)
                }
                Expr::Subquery(subquery) => all_rated(&subquery.arg, metric, rated),
                Expr::Negate(arg) => all_rated(arg, metric, rated),
                Expr::Number(_) | Expr::Text(_) => true,
            }
        }
        all_rated(self, metric, false)
    }
}
