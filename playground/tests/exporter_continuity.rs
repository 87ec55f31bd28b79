//! What promtool wrote into the blocks is what a scrape shows at the same time. Needs promtool (Debian: prometheus).
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::process::Command;

use persai_playground::exporter::blocks::{self, Past};
use persai_playground::exporter::{serve, targets};
use persai_playground::net::loopback;
use persai_playground::record::now_ms;

/// `name{sorted labels}` → value, of exposition text; target labels are added as a scrape adds them.
fn series_of(text: &str, instance: &str, job: &str) -> HashMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let mut labels: Vec<String> = labels
                .trim_end_matches('}')
                .split(',')
                .map(str::to_owned)
                .collect();
            labels.retain(|label| !label.is_empty());
            labels.extend([format!("instance=\"{instance}\""), format!("job=\"{job}\"")]);
            labels.push(format!("__name__=\"{name}\""));
            labels.sort();
            (labels.join(","), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_block_holds_what_a_scrape_shows_at_that_time() {
    let dir = std::env::temp_dir().join(format!("persai-blocks-{}", std::process::id()));
    let end_secs = i64::try_from(now_ms() / 1000).unwrap();
    let past = Past {
        end_secs,
        length_secs: 600,
        step_secs: 15,
    };
    blocks::write(past, &dir).await.unwrap();
    let last_ms = end_secs.div_euclid(15) * 15 * 1000;
    let dump = Command::new("promtool")
        .args([
            "tsdb",
            "dump",
            &format!("--min-time={last_ms}"),
            &format!("--max-time={last_ms}"),
        ])
        .arg(&dir)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );

    let mut in_block: HashMap<String, f64> = HashMap::new();
    for line in String::from_utf8(dump.stdout).unwrap().lines() {
        let (labels, rest) = line.trim_start_matches('{').split_once("} ").unwrap();
        let (value, at_ms) = rest.split_once(' ').unwrap();
        assert_eq!(at_ms.parse::<i64>().unwrap(), last_ms);
        let mut labels: Vec<&str> = labels.split(", ").collect();
        labels.sort_unstable();
        in_block.insert(labels.join(","), value.parse().unwrap());
    }
    let mut compared = 0;
    for target in targets::all() {
        let scrape = target.scrape((last_ms / 1000) as f64);
        for (series, value) in series_of(&scrape, target.instance, target.job) {
            let kept = in_block
                .get(&series)
                .unwrap_or_else(|| panic!("no {series} in the block"));
            assert!(
                (kept - value).abs() < 1e-9,
                "{series}: {kept} in the block, {value} in the scrape"
            );
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
    assert_eq!(
        in_block.len(),
        compared + targets::all().count() + 1,
        "and up, of each target and of the one that is down"
    );
}

#[tokio::test]
async fn a_live_scrape_goes_on_from_there() {
    let exporter = serve::start(loopback(0)).await.unwrap();
    let mut counters = 0;
    for target in targets::all() {
        let of = |text: &str| series_of(text, target.instance, target.job);
        let before_secs = now_ms() as f64 / 1000.0;
        let answer = reqwest::get(format!("{}/metrics/{}", exporter.url(), target.name))
            .await
            .unwrap();
        let after_secs = now_ms() as f64 / 1000.0;
        assert_eq!(answer.headers()["content-type"], target.content_type);
        let live = of(&answer.text().await.unwrap());
        let earlier = of(&target.scrape(before_secs));
        let later = of(&target.scrape(after_secs));
        assert_eq!(live.len(), later.len());
        for (series, value) in live
            .iter()
            .filter(|(series, _)| series.contains("_total\""))
        {
            assert!(
                *value >= earlier[series] && *value <= later[series],
                "{series}"
            );
            counters += 1;
        }
    }
    assert!(counters > 80, "{counters}");
    let missing = reqwest::get(format!("{}/metrics/shop-9", exporter.url()))
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
}
