//! The past: the same series as OpenMetrics text with times, made into Prometheus blocks by promtool.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;

use super::text;
use super::world::{self, Family, MetricKind, Sample};
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
    let mut out = BufWriter::new(File::create(file)?);
    let names = world::families(0, 0.0).len();
    let mut bodies = vec![String::new(); names];
    let mut up = String::new();
    let up_family = Family {
        name: "up",
        kind: MetricKind::Gauge,
        unit: "",
        help: "Whether the last scrape went well.",
        samples: Vec::new(),
    };
    for at_secs in past.times() {
        for (instance, (_, label)) in world::INSTANCES.iter().enumerate() {
            let target = [("instance", *label), ("job", world::JOB)];
            for (body, family) in bodies
                .iter_mut()
                .zip(world::families(instance, at_secs as f64))
            {
                for sample in &family.samples {
                    text::line(body, &family, sample, &target, Some(at_secs));
                }
            }
            text::line(&mut up, &up_family, &up_sample(1.0), &target, Some(at_secs));
        }
        let down = [("instance", world::DOWN_INSTANCE), ("job", world::JOB)];
        text::line(&mut up, &up_family, &up_sample(0.0), &down, Some(at_secs));
    }
    for (family, body) in world::families(0, 0.0).iter().zip(&bodies) {
        let mut head = String::new();
        text::head(&mut head, family);
        out.write_all(head.as_bytes())?;
        out.write_all(body.as_bytes())?;
    }
    let mut head = String::new();
    text::head(&mut head, &up_family);
    out.write_all(head.as_bytes())?;
    out.write_all(up.as_bytes())?;
    out.write_all(b"# EOF\n")?;
    out.flush()
}

fn up_sample(value: f64) -> Sample {
    Sample {
        suffix: "",
        labels: Vec::new(),
        value,
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
