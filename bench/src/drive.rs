//! Asks the relay or the pass-through many times at once, and reads CPU and memory of its process from `/proc`.
//!
//! Prints one JSON line: runs done, bytes of answer text received, CPU milliseconds per run, and with `--hold`
//! the proportional set size per open stream.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};

#[derive(Args, Clone)]
pub struct Options {
    /// Process whose CPU and memory are read.
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    url: String,
    /// Sent as `Authorization: Bearer`; without it the pass-through's body is posted.
    #[arg(long)]
    token: Option<String>,
    /// The upstream's model, e.g. `count-300-0`; for the relay an id of its configuration.
    #[arg(long)]
    model: String,
    #[arg(long, default_value_t = 50)]
    runs: u64,
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
    /// Hold all runs open for this long and measure memory instead of CPU.
    #[arg(long)]
    hold_millis: Option<u64>,
}

pub async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let received = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(AtomicU64::new(0));
    let first = Arc::new(std::sync::Mutex::new(Vec::<u64>::new()));
    let cpu_before = cpu_millis(options.pid)?;
    let memory_before = pss_kb(options.pid)?;
    let begin = Instant::now();
    let all =
        futures::stream::iter(0..options.runs).for_each_concurrent(options.concurrency, |n| {
            let (client, options, received, failed, first) = (
                client.clone(),
                options.clone(),
                received.clone(),
                failed.clone(),
                first.clone(),
            );
            async move {
                match one(&client, &options, n, &received).await {
                    Ok(first_millis) => first
                        .lock()
                        .map(|mut all| all.push(first_millis))
                        .unwrap_or_default(),
                    Err(error) => {
                        eprintln!("run {n}: {error}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    let mut report = json!({});
    if let Some(hold) = options.hold_millis {
        tokio::select! {
            () = all => return Err("the runs ended before their memory was read".into()),
            () = tokio::time::sleep(Duration::from_millis(hold)) => {}
        }
        let kb = pss_kb(options.pid)?;
        report["idleKb"] = json!(memory_before);
        report["kbPerStream"] =
            json!((kb.saturating_sub(memory_before)) as f64 / options.runs as f64);
    } else {
        all.await;
        // Bookkeeping that goes on after the last byte belongs to the runs too.
        tokio::time::sleep(Duration::from_millis(200)).await;
        report["cpuMillisPerRun"] =
            json!((cpu_millis(options.pid)? - cpu_before) / options.runs as f64);
        let mut times = first.lock().map(|all| all.clone()).unwrap_or_default();
        times.sort_unstable();
        if !times.is_empty() {
            report["firstTextMicrosP50"] = json!(times[times.len() / 2]);
            report["firstTextMicrosP99"] =
                json!(times[(times.len() * 99 / 100).min(times.len() - 1)]);
        }
    }
    report["runs"] = json!(options.runs);
    report["failed"] = json!(failed.load(Ordering::Relaxed));
    report["textBytes"] = json!(received.load(Ordering::Relaxed));
    report["wallMillis"] = json!(begin.elapsed().as_millis() as u64);
    println!("{report}");
    Ok(())
}

/// One streamed answer, read to its end; microseconds until its first text.
async fn one(
    client: &reqwest::Client,
    options: &Options,
    n: u64,
    received: &AtomicU64,
) -> Result<u64, Box<dyn Error>> {
    let begin = Instant::now();
    let question = "How is the queue?";
    let request = match &options.token {
        Some(token) => {
            let id = format!("{}-{}-{n}", std::process::id(), begin_nanos());
            client
                .post(format!("{}/persai/v1/agent", options.url))
                .bearer_auth(token)
                .header("accept", "text/event-stream")
                .json(&json!({
                    "threadId": format!("c-{id}"), "runId": format!("r-{id}"), "tools": [], "context": [],
                    "messages": [{"id": format!("m-{id}"), "role": "user", "content": question}],
                    "forwardedProps": {"persai": {"model": options.model}},
                }))
        }
        None => client.post(format!("{}/chat", options.url)).json(&json!({
            "model": options.model, "stream": true, "messages": [{"role": "user", "content": question}],
        })),
    };
    let answer = request.send().await?;
    if !answer.status().is_success() {
        return Err(format!("{}: {}", answer.status(), answer.text().await?).into());
    }
    let mut bytes = answer.bytes_stream();
    let mut buffer: Vec<u8> = Vec::new();
    let mut first = None;
    let mut ended = options.token.is_none();
    while let Some(piece) = bytes.next().await {
        buffer.extend_from_slice(&piece?);
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = buffer.drain(..end + 2).collect();
            for line in frame.split(|byte| *byte == b'\n') {
                let Some(data) = line.strip_prefix(b"data: ") else {
                    continue;
                };
                let event: Value = serde_json::from_slice(data)?;
                match event["type"].as_str() {
                    Some("TEXT_MESSAGE_CONTENT") => {
                        first.get_or_insert_with(|| begin.elapsed().as_micros() as u64);
                        received.fetch_add(
                            event["delta"].as_str().map_or(0, str::len) as u64,
                            Ordering::Relaxed,
                        );
                    }
                    Some("RUN_FINISHED") => ended = true,
                    Some("RUN_ERROR") => return Err(format!("run error {event}").into()),
                    _ => {}
                }
            }
        }
    }
    if !ended {
        return Err("the stream ended without an end of the run".into());
    }
    first.ok_or_else(|| "no text came".into())
}

fn begin_nanos() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}

/// User and system time of a process. Linux counts in ticks of 10 ms.
fn cpu_millis(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Ok((ticks(11) + ticks(12)) * 10.0)
}

/// Proportional set size of a process, KB.
fn pss_kb(pid: u32) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| "no Pss line".into())
}
