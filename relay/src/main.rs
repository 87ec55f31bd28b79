//! `persai-relay`: the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use persai_relay::config::Config;
use persai_relay::http::openapi;
use persai_relay::{logging, server};
use tracing_subscriber::util::SubscriberInitExt as _;

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
    logging::subscriber(&config.log, std::io::stderr)
        .map_err(|error| error.to_string())?
        .init();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime
        .block_on(server::serve(config))
        .map_err(|error| error.to_string())
}
