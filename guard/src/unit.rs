//! What a result measures, derived from the tree: units are multiplied and divided as the query does it.
//!
//! `rate(x_bytes_total)` is bytes per second, `rate(x_seconds_sum) / rate(x_seconds_count)` is seconds, a quantile has
//! its histogram's unit, a quotient of equals is a share.

use persai_protocol::evidence::MetricType;

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

/// The type that a metric's name says it has, by Prometheus' naming rules.
#[must_use]
pub fn type_by_name(name: &str) -> Option<MetricType> {
    let ends = |suffix: &str| name.ends_with(suffix);
    if ends("_bucket") {
        Some(MetricType::Histogram)
    } else if ends("_total") || ends("_sum") || ends("_count") {
        Some(MetricType::Counter)
    } else if name == "up" || ends("_info") || ends("_bytes") || ends("_ratio") || ends("_celsius")
    {
        Some(MetricType::Gauge)
    } else {
        None
    }
}

/// Seconds, bytes and things to a power each.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Dimension {
    seconds: i8,
    bytes: i8,
    /// Word of what is counted, in Perses' list ("requests/sec"), and whether it is counted at all.
    things: i8,
    word: &'static str,
    /// 1 as it is, 100 for per cent, 1000 for milli, 8 for bits; anything else is no unit.
    scale: f64,
    /// A quotient of equals: 0 to 1.
    share: bool,
    /// Seconds since 1970.
    instant: bool,
}

const PLAIN: Dimension = Dimension {
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

/// Units that Perses 0.52 does not have; "plain number" would hide them.
const FOREIGN_UNITS: [&str; 7] = [
    "_celsius", "_volts", "_amperes", "_joules", "_hertz", "_grams", "_meters",
];

fn of_metric(name: &str, facts: &MetricFacts) -> Option<Dimension> {
    if name.ends_with("_count") || name.ends_with("_bucket") {
        return Some(Dimension {
            things: 1,
            word: word(name),
            ..PLAIN
        });
    }
    let base = name.strip_suffix("_total").unwrap_or(name);
    let base = base.strip_suffix("_sum").unwrap_or(base);
    if ["_timestamp_seconds", "_time_seconds"]
        .iter()
        .any(|s| base.ends_with(s))
        && !name.ends_with("_total")
    {
        // node_boot_time_seconds, process_start_time_seconds, push_time_seconds.
        return Some(Dimension {
            seconds: 1,
            instant: true,
            ..PLAIN
        });
    }
    if let Some(found) = by_unit_word(facts.unit.as_deref()).or_else(|| by_suffix(base)) {
        return Some(found);
    }
    let has_other_unit = facts.unit.as_deref().is_some_and(|unit| !unit.is_empty());
    if has_other_unit || FOREIGN_UNITS.iter().any(|unit| base.ends_with(unit)) {
        return None;
    }
    let counter = facts.metric_type == Some(MetricType::Counter) || name.ends_with("_total");
    if counter {
        return Some(Dimension {
            things: 1,
            word: word(name),
            ..PLAIN
        });
    }
    // A gauge without a unit in its name: a number of something, where we know that it is a gauge.
    (facts.metric_type.or_else(|| type_by_name(name)) == Some(MetricType::Gauge)).then_some(PLAIN)
}

fn by_unit_word(unit: Option<&str>) -> Option<Dimension> {
    match unit? {
        "seconds" => Some(Dimension {
            seconds: 1,
            ..PLAIN
        }),
        "milliseconds" => Some(Dimension {
            seconds: 1,
            scale: 1_000.0,
            ..PLAIN
        }),
        "bytes" => Some(Dimension { bytes: 1, ..PLAIN }),
        "ratio" => Some(Dimension {
            share: true,
            ..PLAIN
        }),
        "percent" => Some(Dimension {
            share: true,
            scale: 100.0,
            ..PLAIN
        }),
        _ => None,
    }
}

fn by_suffix(name: &str) -> Option<Dimension> {
    let last = name.rsplit(['_', ':']).next()?;
    match last {
        "ms" => by_unit_word(Some("milliseconds")),
        _ => by_unit_word(Some(last)),
    }
}

fn word(name: &str) -> &'static str {
    const WORDS: [(&str, &str); 14] = [
        ("request", "requests"),
        ("packet", "packets"),
        ("message", "messages"),
        ("event", "events"),
        ("reads", "reads"),
        ("writes", "writes"),
        ("record", "records"),
        ("rows", "rows"),
        ("operation", "operations"),
        ("ops", "operations"),
        ("http", "requests"),
        ("grpc", "requests"),
        ("rpc", "requests"),
        ("quer", "requests"),
    ];
    WORDS
        .iter()
        .find(|(part, _)| name.contains(part))
        .map_or("", |(_, word)| word)
}
