//! The demo ends everything that it started, and says why. Needs Debian's prometheus and prometheus-node-exporter.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Starts a demo without the relay; returns it with what it says of itself.
async fn start(state_dir: &Path) -> (Child, Value) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_persai-playground"))
        .args([
            "demo",
            "--json",
            "--no-relay",
            "--no-wait",
            "--port",
            "0",
            "--hours",
            "1",
            "--state-dir",
        ])
        .arg(state_dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_secs(90), lines.next_line())
        .await
        .unwrap()
        .unwrap();
    (
        demo,
        serde_json::from_str(&line.expect("it ended before it was ready")).unwrap(),
    )
}

fn pid(summary: &Value, name: &str) -> i32 {
    i32::try_from(summary["pids"][name].as_i64().unwrap()).unwrap()
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn runs(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_program_that_dies_ends_the_demo_with_a_sentence_and_a_signal_ends_it_in_peace() {
    let state_dir = std::env::temp_dir().join(format!("persai-demo-ends-{}", std::process::id()));

    let (mut demo, summary) = start(&state_dir).await;
    send(pid(&summary, "nodeExporter"), Signal::KILL);
    let status = timeout(Duration::from_secs(20), demo.wait())
        .await
        .unwrap()
        .unwrap();
    let mut said = String::new();
    demo.stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("node-exporter ended by itself: signal: 9"),
        "{said}"
    );
    assert!(
        !runs(pid(&summary, "prometheus")),
        "Prometheus was left behind"
    );

    let (mut demo, summary) = start(&state_dir).await;
    send(pid(&summary, "demo"), Signal::TERM);
    let status = timeout(Duration::from_secs(20), demo.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    for name in ["prometheus", "nodeExporter"] {
        assert!(!runs(pid(&summary, name)), "{name} was left behind");
    }
    std::fs::remove_dir_all(&state_dir).unwrap();
}
