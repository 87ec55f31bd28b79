//! PromQL text to our own tree: the only file that knows promql-parser. It misses some of Prometheus 3, so "unreadable"
//! never means "wrong".

use std::fmt;
use std::time::Duration;

use promql_parser::label::{MatchOp as TheirOp, Matcher as TheirMatcher, Matchers};
use promql_parser::parser::{self, Expr as Theirs, LabelModifier, Offset, VectorSelector};

use crate::tree::{Aggregate, Binary, Expr, Grouping, MatchOp, Matcher, Selector, Subquery};

/// Longest query that is looked at, in bytes; also what keeps the parser's own recursion small.
pub const MAX_QUERY_BYTES: usize = 4_096;
const MAX_DEPTH: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    TooLong {
        limit: usize,
    },
    TooDeep,
    /// A selector that asks for nothing; Prometheus refuses it too.
    EmptySelector,
    /// The parser's own words.
    Syntax(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "longer than {limit} bytes"),
            Self::TooDeep => write!(f, "nested too deeply"),
            Self::EmptySelector => write!(f, "a selector without a matcher"),
            Self::Syntax(words) => write!(f, "{words}"),
        }
    }
}

/// Reads a query whose variables are expanded.
///
/// # Errors
/// [`Unreadable`] where the parser does not take it, or it is too long or too deep to look at.
pub fn parse(query: &str) -> Result<Expr, Unreadable> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(Unreadable::TooLong {
            limit: MAX_QUERY_BYTES,
        });
    }
    let theirs = parser::parse(query).map_err(|words| {
        if words.contains("at least one non-empty matcher") {
            Unreadable::EmptySelector
        } else {
            Unreadable::Syntax(short(&words))
        }
    })?;
    convert(&theirs, 0)
}

fn convert(theirs: &Theirs, depth: usize) -> Result<Expr, Unreadable> {
    if depth > MAX_DEPTH {
        return Err(Unreadable::TooDeep);
    }
    let below = |expr: &Theirs| convert(expr, depth + 1);
    Ok(match theirs {
        Theirs::NumberLiteral(number) => Expr::Number(number.val),
        Theirs::StringLiteral(text) => Expr::Text(text.val.clone()),
        Theirs::Paren(paren) => below(&paren.expr)?,
        Theirs::Unary(unary) => Expr::Negate(Box::new(below(&unary.expr)?)),
        Theirs::VectorSelector(selector) => Expr::Selector(select(selector, None)),
        Theirs::MatrixSelector(matrix) => {
            Expr::Selector(select(&matrix.vs, Some(millis(matrix.range))))
        }
        Theirs::Call(call) => Expr::Call {
            function: call.func.name.to_owned(),
            args: call
                .args
                .args
                .iter()
                .map(|arg| below(arg))
                .collect::<Result<_, _>>()?,
        },
        Theirs::Aggregate(aggregate) => Expr::Aggregate(Aggregate {
            op: aggregate.op.to_string().to_lowercase(),
            param: aggregate
                .param
                .as_ref()
                .map(|param| below(param).map(Box::new))
                .transpose()?,
            arg: Box::new(below(&aggregate.expr)?),
            grouping: match &aggregate.modifier {
                None => Grouping::None,
                Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
                Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
            },
        }),
        Theirs::Binary(binary) => Expr::Binary(Box::new(Binary {
            op: binary.op.to_string().to_lowercase(),
            left: below(&binary.lhs)?,
            right: below(&binary.rhs)?,
            returns_bool: binary
                .modifier
                .as_ref()
                .is_some_and(|modifier| modifier.return_bool),
        })),
        Theirs::Subquery(subquery) => Expr::Subquery(Box::new(Subquery {
            arg: below(&subquery.expr)?,
            range_ms: millis(subquery.range),
            step_ms: subquery.step.map(millis),
            offset_ms: offset(subquery.offset.as_ref()),
        })),
        Theirs::Extension(_) => {
            return Err(Unreadable::Syntax("an extension of the parser".to_owned()));
        }
    })
}

fn select(selector: &VectorSelector, range_ms: Option<i64>) -> Selector {
    let Matchers {
        matchers,
        or_matchers,
    } = &selector.matchers;
    let name = selector.name.as_ref().map(|name| Matcher {
        label: "__name__".to_owned(),
        op: MatchOp::Equal,
        value: name.clone(),
    });
    let alternative = |matchers: &[TheirMatcher]| -> Vec<Matcher> {
        name.iter()
            .cloned()
            .chain(matchers.iter().map(matcher))
            .collect()
    };
    let mut alternatives: Vec<Vec<Matcher>> = or_matchers.iter().map(|m| alternative(m)).collect();
    if alternatives.is_empty() || !matchers.is_empty() {
        alternatives.insert(0, alternative(matchers));
    }
    Selector {
        alternatives,
        range_ms,
        offset_ms: offset(selector.offset.as_ref()),
        at: selector.at.is_some(),
    }
}

fn matcher(theirs: &TheirMatcher) -> Matcher {
    let op = match theirs.op {
        TheirOp::Equal => MatchOp::Equal,
        TheirOp::NotEqual => MatchOp::NotEqual,
        TheirOp::Re(_) => MatchOp::Regex,
        TheirOp::NotRe(_) => MatchOp::NotRegex,
    };
    Matcher {
        label: theirs.name.clone(),
        op,
        value: theirs.value.clone(),
    }
}

fn offset(offset: Option<&Offset>) -> i64 {
    match offset {
        None => 0,
        Some(Offset::Pos(duration)) => millis(*duration),
        Some(Offset::Neg(duration)) => -millis(*duration),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The parser's words, without what may be the whole query again.
fn short(words: &str) -> String {
    words
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(160)
        .collect()
}
