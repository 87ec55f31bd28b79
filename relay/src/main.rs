//! `persai-relay`: the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use persai_relay::config::Config;
use persai_relay::http::openapi;
use persai_relay::server;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

#[derive(Parser)]
#[command(
    name = "persai-relay",
    version,
    about = "PersAI's relay: an AI assistant beside Perses"
)]
struct Cli {
    /// Configuration file (TOML); also PERSAI_CONFIG. Variables PERSAI_* go before it.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (the default)
    Serve,
    /// Print the effective configuration, without secrets
    Config,
    /// Print the OpenAPI description of the HTTP API
    Openapi,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("persai-relay: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), String> {
    if let Some(Command::Openapi) = cli.command {
        let json = openapi::document()
            .to_pretty_json()
            .map_err(|error| error.to_string())?;
        println!("{json}");
        return Ok(());
    }
    let path = cli
        .config
        .or_else(|| std::env::var_os("PERSAI_CONFIG").map(PathBuf::from));
    let config = Config::load(path.as_deref()).map_err(|error| error.to_string())?;
    if let Some(Command::Config) = cli.command {
        print!("{}", config.to_toml().map_err(|error| error.to_string())?);
        return Ok(());
    }
    log_to_stderr(&config.log)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime
        .block_on(server::serve(config))
        .map_err(|error| error.to_string())
}

/// Libraries get no finer than warnings, whatever the filter says: their debug lines may hold headers and bodies.
fn log_to_stderr(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log: {error}"))?;
    let ours = tracing_subscriber::filter::filter_fn(|metadata| {
        metadata.target().starts_with("persai") || *metadata.level() <= tracing::Level::WARN
    });
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_target(false)
                .with_filter(ours),
        )
        .with(filter)
        .init();
    Ok(())
}
