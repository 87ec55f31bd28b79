//! Listening, free ports, and waiting for a URL to answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// A running server; it takes no more connections once this is dropped.
pub struct Server {
    pub addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// `http://127.0.0.1:<port>`, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves `router` on `listen`; port 0 takes a free one.
///
/// # Errors
/// The address is taken or not ours.
pub async fn serve(router: Router, listen: SocketAddr) -> Result<Server, Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::with_cause(
            format!("Cannot listen on {listen}. Is the port in use?"),
            error,
        )
    })?;
    let addr = listener
        .local_addr()
        .map_err(|error| Failure::with_cause("A listener has no address.", error))?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let accepting = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).await {
            tracing::error!(%error, %addr, "server ended");
        }
    });
    Ok(Server { addr, accepting })
}

/// Loopback, `port`.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that was free a moment ago, for programs that cannot be given a listener.
///
/// # Errors
/// Loopback has no free port.
pub fn free_port() -> Result<u16, Failure> {
    std::net::TcpListener::bind(loopback(0))
        .and_then(|listener| listener.local_addr())
        .map(|addr| addr.port())
        .map_err(|error| Failure::with_cause("No free port on loopback.", error))
}

/// Asks `url` until `is_ready` likes the body of a 2xx answer.
///
/// # Errors
/// It did not within `limit`; `what` names the thing in the sentence.
pub async fn wait_until(
    what: &str,
    url: &str,
    limit: Duration,
    is_ready: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let client = reqwest::Client::new();
    let end = Instant::now() + limit;
    let mut last = String::from("no answer");
    while Instant::now() < end {
        match client.get(url).timeout(Duration::from_secs(2)).send().await {
            Ok(answer) => {
                let status = answer.status();
                match answer.text().await {
                    Ok(body) if status.is_success() && is_ready(&body) => return Ok(()),
                    Ok(body) => {
                        last = format!(
                            "status {status}: {}",
                            body.chars().take(200).collect::<String>()
                        )
                    }
                    Err(error) => last = error.to_string(),
                }
            }
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Err(Failure::with_cause(
        format!("{what} was not ready after {} s.", limit.as_secs()),
        last,
    ))
}
