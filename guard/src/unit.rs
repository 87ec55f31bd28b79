//! What a result measures, derived from the tree: units are multiplied and divided as the query does it.
//!
//! `rate(x_bytes_total)` is bytes per second, `rate(x_seconds_sum) / rate(x_seconds_count)` is seconds, a quantile has
//! its histogram's unit, a quotient of equals is a share.

use persai_protocol::evidence::MetricType;

pub use crate::naming::type_by_name;
use crate::naming::{by_suffix, by_unit_word, of_metric};
use crate::tree::{Aggregate, Binary, Expr};

/// What is known of a metric, from the datasource's metadata or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricFacts {
    pub metric_type: Option<MetricType>,
    /// Prometheus' `UNIT`, e.g. `seconds`, where the datasource has one.
    pub unit: Option<String>,
}

/// What a query's result measures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measure {
    /// Type of the metric that is read; absent where several types are.
    pub metric_type: Option<MetricType>,
    /// A unit of Perses' list that all supported versions know; absent where it is unclear.
    pub unit: Option<String>,
}

/// Derives what the result of `expr` measures.
#[must_use]
pub fn measure(expr: &Expr, facts: &dyn Fn(&str) -> MetricFacts) -> Measure {
    let mut types = expr
        .metrics()
        .into_iter()
        .map(|name| facts(name).metric_type.or_else(|| type_by_name(name)));
    let first = types.next().flatten();
    let metric_type = first.filter(|first| types.all(|other| other.as_ref() == Some(first)));
    Measure {
        metric_type,
        unit: dimension(expr, facts)
            .and_then(|d| d.perses())
            .map(str::to_owned),
    }
}

/// Seconds, bytes and things to a power each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dimension {
    pub(crate) seconds: i8,
    pub(crate) bytes: i8,
    /// Word of what is counted, in Perses' list ("requests/sec"), and whether it is counted at all.
    pub(crate) things: i8,
    pub(crate) word: &'static str,
    /// 1 as it is, 100 for per cent, 1000 for milli, 8 for bits; anything else is no unit.
    pub(crate) scale: f64,
    /// A quotient of equals: 0 to 1.
    pub(crate) share: bool,
    /// Seconds since 1970.
    pub(crate) instant: bool,
}

pub(crate) const PLAIN: Dimension = Dimension {
    seconds: 0,
    bytes: 0,
    things: 0,
    word: "",
    scale: 1.0,
    share: false,
    instant: false,
};

impl Dimension {
    fn per_second(self) -> Self {
        Self {
            seconds: self.seconds - 1,
            ..self
        }
    }

    fn same_kind(&self, other: &Self) -> bool {
        (self.seconds, self.bytes, self.things) == (other.seconds, other.bytes, other.things)
    }

    fn is_plain(&self) -> bool {
        self.same_kind(&PLAIN)
    }

    fn perses(&self) -> Option<&'static str> {
        if self.instant {
            return None;
        }
        let scaled = |scale: f64| (self.scale - scale).abs() < 1e-9;
        match (self.seconds, self.bytes, self.things) {
            (0, 0, 0) if self.share && scaled(1.0) => Some("percent-decimal"),
            (0, 0, 0) if self.share && scaled(100.0) => Some("percent"),
            (1, 0, 0) if scaled(1.0) => Some("seconds"),
            (1, 0, 0) if scaled(1_000.0) => Some("milliseconds"),
            (0, 1, 0) if scaled(1.0) => Some("bytes"),
            (-1, 1, 0) if scaled(1.0) => Some("bytes/sec"),
            (-1, 1, 0) if scaled(8.0) => Some("bits/sec"),
            (0, 0, 0 | 1) if scaled(1.0) => Some("decimal"),
            (-1, 0, 1) if scaled(1.0) => Some(match self.word {
                "requests" => "requests/sec",
                "packets" => "packets/sec",
                "messages" => "messages/sec",
                "events" => "events/sec",
                "reads" => "reads/sec",
                "writes" => "writes/sec",
                "operations" => "ops/sec",
                "records" => "records/sec",
                "rows" => "rows/sec",
                _ => "counts/sec",
            }),
            _ => None,
        }
    }
}

fn dimension(expr: &Expr, facts: &dyn Fn(&str) -> MetricFacts) -> Option<Dimension> {
    match expr {
        Expr::Number(_) => Some(PLAIN),
        Expr::Text(_) => None,
        Expr::Negate(arg) => dimension(arg, facts),
        Expr::Subquery(subquery) => dimension(&subquery.arg, facts),
        Expr::Selector(selector) => {
            let name = selector.metric()?;
            of_metric(name, &facts(name))
        }
        Expr::Call { function, args } => of_call(function, args, facts),
        Expr::Aggregate(aggregate) => of_aggregate(aggregate, facts),
        Expr::Binary(binary) => of_binary(binary, facts),
    }
}

fn of_call(
    function: &str,
    args: &[Expr],
    facts: &dyn Fn(&str) -> MetricFacts,
) -> Option<Dimension> {
    let last = || args.last().and_then(|arg| dimension(arg, facts));
    let first = || args.first().and_then(|arg| dimension(arg, facts));
    match function {
        "rate" | "irate" | "deriv" => first().map(Dimension::per_second),
        // Buckets are counts; what they are buckets of is in `le`, which has the unit of the metric's name.
        "histogram_quantile" => {
            let mut family = None;
            args.last()?.walk(&mut |expr| {
                if let Expr::Selector(selector) = expr
                    && family.is_none()
                {
                    family = selector.metric();
                }
            });
            let family = family?;
            let base = family.strip_suffix("_bucket").unwrap_or(family);
            by_unit_word(facts(family).unit.as_deref())
                .or_else(|| by_suffix(base))
                .or(Some(PLAIN))
        }
        "histogram_count" | "count_over_time" | "changes" | "resets" | "absent"
        | "absent_over_time" | "present_over_time" | "sgn" | "hour" | "minute" | "month"
        | "year" | "day_of_week" | "day_of_month" => Some(PLAIN),
        "time" | "timestamp" => Some(Dimension {
            seconds: 1,
            instant: true,
            ..PLAIN
        }),
        "quantile_over_time" => last(),
        "increase" | "delta" | "idelta" | "abs" | "ceil" | "floor" | "round" | "clamp"
        | "clamp_min" | "clamp_max" | "avg_over_time" | "min_over_time" | "max_over_time"
        | "sum_over_time" | "last_over_time" | "stddev_over_time" | "sort" | "sort_desc"
        | "predict_linear" | "holt_winters" | "label_replace" | "label_join" | "scalar"
        | "vector" | "histogram_avg" | "histogram_sum" => first(),
        _ => None,
    }
}

fn of_aggregate(aggregate: &Aggregate, facts: &dyn Fn(&str) -> MetricFacts) -> Option<Dimension> {
    match aggregate.op.as_str() {
        "count" | "count_values" | "group" => Some(PLAIN),
        "sum" => dimension(&aggregate.arg, facts),
        // The mean of seconds per second is the share of one CPU.
        "avg" => dimension(&aggregate.arg, facts).map(|inner| Dimension {
            share: inner.share || (inner.is_plain() && is_time_share(&aggregate.arg, facts)),
            ..inner
        }),
        "stdvar" => None,
        _ => dimension(&aggregate.arg, facts),
    }
}

/// Whether `expr` is a rate of seconds: time spent per time.
fn is_time_share(expr: &Expr, facts: &dyn Fn(&str) -> MetricFacts) -> bool {
    match expr {
        Expr::Call { function, args } if matches!(function.as_str(), "rate" | "irate") => args
            .first()
            .and_then(|arg| dimension(arg, facts))
            .is_some_and(|d| (d.seconds, d.bytes, d.things) == (1, 0, 0)),
        Expr::Aggregate(aggregate) if aggregate.op == "avg" => is_time_share(&aggregate.arg, facts),
        _ => false,
    }
}

fn of_binary(binary: &Binary, facts: &dyn Fn(&str) -> MetricFacts) -> Option<Dimension> {
    let left = dimension(&binary.left, facts);
    if binary.returns_bool {
        return Some(PLAIN);
    }
    let number = |expr: &Expr| {
        if let Expr::Number(value) = expr {
            Some(*value)
        } else {
            None
        }
    };
    match binary.op.as_str() {
        "+" | "-" => {
            let right = dimension(&binary.right, facts);
            let (left, right) = match (number(&binary.left), number(&binary.right)) {
                (Some(_), Some(_)) => return Some(PLAIN),
                (Some(_), None) => return right,
                (None, Some(_)) => return left,
                (None, None) => (left?, right?),
            };
            let scale_fits = (left.scale - right.scale).abs() < 1e-9;
            match (left.instant, right.instant) {
                (true, true) => Some(Dimension {
                    instant: false,
                    ..left
                }),
                _ if left.same_kind(&right) && scale_fits => Some(left),
                _ => None,
            }
        }
        "*" | "/" => {
            let divides = binary.op == "/";
            match (number(&binary.left), number(&binary.right)) {
                (Some(_), Some(_)) => Some(PLAIN),
                (_, Some(factor)) => left.map(|left| {
                    let scale = if divides {
                        left.scale / factor
                    } else {
                        left.scale * factor
                    };
                    Dimension { scale, ..left }
                }),
                (Some(factor), None) if !divides => {
                    dimension(&binary.right, facts).map(|right| Dimension {
                        scale: right.scale * factor,
                        ..right
                    })
                }
                (Some(_), None) => None,
                (None, None) => product(left?, dimension(&binary.right, facts)?, divides),
            }
        }
        "%" => left,
        "^" | "atan2" => None,
        // Comparisons keep the left side's values; so do `and` and `unless`, and `or` has the same on both sides.
        _ if number(&binary.left).is_some() => dimension(&binary.right, facts),
        _ => left,
    }
}

fn product(left: Dimension, right: Dimension, divides: bool) -> Option<Dimension> {
    if left.instant || right.instant {
        return None;
    }
    let sign = if divides { -1 } else { 1 };
    let scale = if divides {
        left.scale / right.scale
    } else {
        left.scale * right.scale
    };
    let mut things = left.things + sign * right.things;
    // A sum of seconds over a count of requests is seconds each: what is counted may vanish below the line.
    if divides && left.things == 0 && right.things == 1 {
        things = 0;
    }
    Some(Dimension {
        seconds: left.seconds + sign * right.seconds,
        bytes: left.bytes + sign * right.bytes,
        things,
        word: left.word,
        scale,
        share: divides && left.same_kind(&right),
        instant: false,
    })
}
