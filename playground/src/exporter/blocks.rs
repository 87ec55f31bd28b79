//! The past: the same series as OpenMetrics text with times, made into Prometheus blocks by promtool.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;

use super::world::{self, Family, MetricKind, Sample};
use super::{targets, text};
use crate::failure::Failure;

/// Which past to write.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// Seconds since 1970; the last sample is at the multiple of `step_secs` at or before it.
    pub end_secs: i64,
    pub length_secs: i64,
    pub step_secs: i64,
}

impl Past {
    fn times(&self) -> impl Iterator<Item = i64> + Clone + use<> {
        let step = self.step_secs.max(1);
        let end = self.end_secs.div_euclid(step) * step;
        let count = self.length_secs.div_euclid(step);
        (0..=count).map(move |index| end - (count - index) * step)
    }
}

/// Writes the blocks of `past` into `data_dir`, with promtool.
///
/// # Errors
/// promtool is missing or fails, or the disk does.
pub async fn write(past: Past, data_dir: &Path) -> Result<(), Failure> {
    let disk = |error: std::io::Error| {
        Failure::with_cause(format!("Cannot write to {}.", data_dir.display()), error)
    };
    std::fs::create_dir_all(data_dir).map_err(disk)?;
    let file = data_dir.join("past.openmetrics");
    write_text(past, &file).map_err(disk)?;
    let output = tokio::process::Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .arg(&file)
        .arg(data_dir)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| {
            Failure::with_cause(
                "promtool is missing. Install Prometheus (Debian: apt-get install prometheus).",
                error,
            )
        })?;
    std::fs::remove_file(&file).map_err(disk)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::with_cause(
        "promtool could not make the blocks.",
        String::from_utf8_lossy(&output.stderr),
    ))
}

/// Family by family, so that TYPE stands once; within it time by time.
fn write_text(past: Past, file: &Path) -> std::io::Result<()> {
    let mut bodies: BTreeMap<&str, String> = BTreeMap::new();
    let mut add = |family: &Family, labels: &[(&str, &str)], at_secs| {
        let body = bodies.entry(family.name).or_insert_with(|| {
            let mut head = String::new();
            text::head(&mut head, family);
            head
        });
        for sample in &family.samples {
            text::line(body, family, sample, labels, Some(at_secs));
        }
    };
    for at_secs in past.times() {
        for target in targets::all() {
            let labels = [("instance", target.instance), ("job", target.job)];
            for family in target.families(at_secs as f64) {
                add(&family, &labels, at_secs);
            }
            add(&up(1.0), &labels, at_secs);
        }
        let down = [("instance", world::DOWN_INSTANCE), ("job", world::JOB)];
        add(&up(0.0), &down, at_secs);
    }
    let mut out = BufWriter::new(File::create(file)?);
    for body in bodies.values() {
        out.write_all(body.as_bytes())?;
    }
    out.write_all(b"# EOF\n")?;
    out.flush()
}

/// What Prometheus writes itself at each scrape.
fn up(value: f64) -> Family {
    Family {
        name: "up",
        kind: MetricKind::Gauge,
        unit: "",
        help: "Whether the last scrape went well.",
        samples: vec![Sample {
            suffix: "",
            labels: Vec::new(),
            value,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::Past;

    #[test]
    fn times_are_aligned_and_end_before_the_end() {
        let times: Vec<i64> = Past {
            end_secs: 1_000_007,
            length_secs: 60,
            step_secs: 15,
        }
        .times()
        .collect();
        assert_eq!(times, [999_945, 999_960, 999_975, 999_990, 1_000_005]);
    }
}
