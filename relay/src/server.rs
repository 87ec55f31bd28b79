//! Start and stop: opens each part in turn, serves, and at SIGTERM or ctrl-c lets runs end honestly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::http::{AppState, build_app};
use crate::identity::Freshness;
use crate::log::sqlite::SqliteLog;
use crate::perses::PersesClient;
use crate::providers::Models;
use crate::runs::{RunSettings, Runs};

/// How long open connections may go on once the runs have ended.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
const LOG_FILE: &str = "persai.sqlite";

/// A sentence for the operator: which part does not start, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

fn cannot(what: &str) -> impl Fn(&dyn std::fmt::Display) -> StartError {
    move |why| StartError(format!("{what}: {why}"))
}

/// Opens all parts. Runs that a crash left without an end get one before this returns.
///
/// # Errors
/// A part does not start.
pub async fn open(config: Config, freshness: Freshness) -> Result<AppState, StartError> {
    let perses = PersesClient::new(&config.perses_url)
        .map_err(|why| cannot("the Perses client cannot be made")(&why))?;
    let models = Arc::new(
        Models::from_config(&config)
            .map_err(|why| cannot("the providers cannot be set up")(&why))?,
    );
    let path = config.data_dir.join(LOG_FILE);
    let log = SqliteLog::open(&path)
        .await
        .map_err(|why| cannot("the conversation log cannot be opened")(&why))?;
    let runs = Runs::open(
        Arc::new(log),
        Arc::clone(&models),
        RunSettings::from(&config),
    )
    .await
    .map_err(|why| cannot("the conversation log cannot be read")(&why))?;
    Ok(AppState::new(config, perses, freshness, &models, runs))
}

/// Serves until SIGTERM or ctrl-c.
///
/// # Errors
/// A part does not start, or the address is taken.
pub async fn serve(config: Config) -> Result<(), StartError> {
    let (listen, front) = (config.listen, config.front);
    let state = open(config, Freshness::default()).await?;
    let app =
        build_app(state.clone()).map_err(|why| cannot("front mode cannot be set up")(&why))?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|why| cannot(&format!("{listen} cannot be listened on"))(&why))?;
    let address = listener
        .local_addr()
        .map_err(|why| cannot("the address is not known")(&why))?;
    tracing::info!(%address, front, version = env!("CARGO_PKG_VERSION"), "listening");

    // Events are small and must not wait for each other.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let shutdown = state.shutdown.clone();
    let stop = async move {
        stop_signal().await;
        tracing::info!("stopping");
        state.runs.drain().await;
        state.shutdown.cancel();
    };
    let server = axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop)
    .into_future();
    tokio::select! {
        result = server => result.map_err(|why| cannot("the server failed")(&why)),
        () = async { shutdown.cancelled().await; tokio::time::sleep(CLOSE_GRACE).await } => Ok(()),
    }
}

async fn stop_signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminate => {}
        () = interrupt => {}
    }
}
