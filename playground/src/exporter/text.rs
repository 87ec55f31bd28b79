//! OpenMetrics 1.0 text, and the older text format that node_exporter answers with.

use std::fmt::Write;

use super::world::{Family, MetricKind, Sample};

/// Of a scrape's answer.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A whole scrape, with `# EOF`.
#[must_use]
pub fn scrape(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        head(&mut out, family);
        for sample in &family.samples {
            line(&mut out, family, sample, &[], None);
        }
    }
    out.push_str("# EOF\n");
    out
}

/// Of a scrape's answer in the older format.
pub const PLAIN_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A whole scrape in the older format: HELP and TYPE name a counter as its samples do, with `_total`. Counters and
/// gauges only.
#[must_use]
pub fn plain_scrape(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let (kind, suffix) = match family.kind {
            MetricKind::Counter => ("counter", "_total"),
            _ => ("gauge", ""),
        };
        let name = family.name;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name}{suffix} {}", family.help);
        let _ = writeln!(out, "# TYPE {name}{suffix} {kind}");
        for sample in &family.samples {
            line(&mut out, family, sample, &[], None);
        }
    }
    out
}

/// TYPE, UNIT and HELP.
pub fn head(out: &mut String, family: &Family) {
    let kind = match family.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
        MetricKind::Info => "info",
    };
    let name = family.name;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# TYPE {name} {kind}");
    if !family.unit.is_empty() {
        let _ = writeln!(out, "# UNIT {name} {}", family.unit);
    }
    let _ = writeln!(out, "# HELP {name} {}", family.help);
}

/// One sample; `target_labels` are those that a scrape would add, `at_secs` its time.
pub fn line(
    out: &mut String,
    family: &Family,
    sample: &Sample,
    target_labels: &[(&str, &str)],
    at_secs: Option<i64>,
) {
    out.push_str(family.name);
    out.push_str(sample.suffix);
    let mut open = '{';
    for (name, value) in sample
        .labels
        .iter()
        .copied()
        .chain(target_labels.iter().copied())
    {
        let _ = write!(out, "{open}{name}=\"{value}\"");
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    let _ = write!(out, " {}", sample.value);
    if let Some(at_secs) = at_secs {
        let _ = write!(out, " {at_secs}");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::{hosts, world};

    #[test]
    fn a_scrape_has_type_unit_help_and_an_end() {
        let text = scrape(&world::families(0, 1_795_000_000.0));
        assert!(
            text.starts_with("# TYPE http_requests counter\n# HELP http_requests "),
            "{text}"
        );
        assert!(text.contains("# UNIT http_request_duration_seconds seconds\n"));
        assert!(
            text.contains("http_request_duration_seconds_bucket{service=\"cart\",le=\"+Inf\"} ")
        );
        assert!(text.contains("shop_build_info{version=\"4.2.0\"} 1\n"));
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_machine_shows_help_and_type_as_node_exporter_does() {
        let text = plain_scrape(&hosts::families(0, 1_795_000_000.0));
        assert!(
            text.starts_with(
                "# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.\n\
                 # TYPE node_cpu_seconds_total counter\n\
                 node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} "
            ),
            "{text}"
        );
        assert!(text.contains("# TYPE node_load1 gauge\nnode_load1 "));
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
    }
}
