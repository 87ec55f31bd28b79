//! OpenMetrics 1.0 text.

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
    use crate::exporter::world;

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
}
