//! A real relay: real log in a folder of its own, real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use persai_relay::config::Config;
use persai_relay::http::{AppState, build_app};
use persai_relay::identity::Freshness;
use persai_relay::server;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Perses;

pub struct Relay {
    pub address: SocketAddr,
    pub perses: Perses,
    pub state: AppState,
    pub dir: TempDir,
    pub http: reqwest::Client,
}

#[derive(Default)]
pub struct Options {
    /// More lines of the configuration.
    pub config: String,
    pub freshness: Freshness,
    /// Instead of the double's own; `{perses}` stands for that.
    pub perses_url: Option<String>,
}

/// A status, its headers and its body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// Status and error code.
    pub fn error(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["code"].as_str().unwrap_or("-").to_owned(),
        )
    }
}

impl Relay {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with_config(config: &str) -> Self {
        Self::with(Options {
            config: config.to_owned(),
            ..Options::default()
        })
        .await
    }

    pub async fn with(options: Options) -> Self {
        super::log::start();
        let perses = Perses::start().await;
        let dir = tempfile::tempdir().unwrap();
        let perses_url = options.perses_url.as_deref().unwrap_or("{perses}");
        let text = format!(
            "perses_url = {:?}\ndata_dir = {:?}\n{}",
            perses_url.replace("{perses}", &perses.url),
            dir.path().join("data"),
            options.config
        );
        let state = server::open(Config::from_toml(&text).unwrap(), options.freshness)
            .await
            .unwrap();
        let app = build_app(state.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            address,
            perses,
            state,
            dir,
            http,
        }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(self.url(path))
    }

    /// JSON as a client without cookies sends it.
    pub fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(self.url(path)).json(body)
    }

    /// Asks as the owner of `token`, answered with 202.
    pub async fn ask(&self, token: &str, conversation: &str, run: &str, question: &str) -> Answer {
        send(
            self.post(
                "/persai/v1/agent",
                &question_body(conversation, run, question),
            )
            .bearer_auth(token),
        )
        .await
    }

    /// All frames of a run's stream, to its end.
    pub async fn run_events(&self, token: &str, run: &str) -> Answer {
        send(
            self.get(&format!("/persai/v1/runs/{run}/events"))
                .bearer_auth(token),
        )
        .await
    }
}

pub fn question_body(conversation: &str, run: &str, question: &str) -> Value {
    json!({
        "threadId": conversation, "runId": run, "state": {}, "tools": [], "context": [],
        "messages": [{"id": format!("m_{run}"), "role": "user", "content": question}],
        "forwardedProps": {}
    })
}

pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status,
        headers,
        body: response.text().await.unwrap(),
    }
}

/// Sends these very bytes and reads to the end: for what HTTP clients would tidy up.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(
        read.is_ok(),
        "no end after {:?}",
        String::from_utf8_lossy(&answer)
    );
    String::from_utf8_lossy(&answer).into_owned()
}
