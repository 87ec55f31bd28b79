//! Baselines and a driver for the relay's benchmarks; `bench/run.mjs` runs them side by side.
//!
//! - [`upstream`]: a provider that streams chat-completions chunks as fast or as slow as the request's model name says.
//! - [`passthrough`]: the floor: a bare axum server that reads such a stream, parses every chunk and sends it on.
//! - [`drive`]: asks one of the two many times and reads what the process spent.

mod drive;
mod passthrough;
mod upstream;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Upstream {
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    Passthrough {
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Base URL of the provider, with `/v1`.
        #[arg(long)]
        upstream: String,
    },
    Drive(drive::Options),
}

#[tokio::main]
async fn main() {
    let done = match Cli::parse().command {
        Command::Upstream { port } => upstream::serve(port).await,
        Command::Passthrough { port, upstream } => passthrough::serve(port, &upstream).await,
        Command::Drive(options) => drive::run(options).await,
    };
    if let Err(error) = done {
        eprintln!("persai-bench: {error}");
        std::process::exit(1);
    }
}

/// Binds a loopback port and says which, as one JSON line on stdout.
async fn listen(port: u16) -> Result<tokio::net::TcpListener, Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!(
        "{}",
        serde_json::json!({"port": listener.local_addr()?.port()})
    );
    Ok(listener)
}
