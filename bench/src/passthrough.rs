//! The floor: no identity, no log, no guard. Reads the provider's stream, parses every chunk, sends the text on as AG-UI.

use std::error::Error;
use std::sync::Arc;

use axum::{
    Json, Router, body::Body, extract::State, http::header, response::Response, routing::post,
};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    url: Arc<str>,
}

pub async fn serve(port: u16, upstream: &str) -> Result<(), Box<dyn Error>> {
    let state = Upstream {
        client: reqwest::Client::builder().no_proxy().build()?,
        url: format!("{upstream}/chat/completions").into(),
    };
    let app = Router::new().route("/chat", post(chat)).with_state(state);
    axum::serve(crate::listen(port).await?, app).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

async fn chat(State(upstream): State<Upstream>, Json(request): Json<Value>) -> Response {
    let body = async_stream::stream! {
        let sent = upstream.client.post(&*upstream.url).json(&request).send().await;
        let Ok(answer) = sent else { return };
        let mut bytes = answer.bytes_stream();
        let mut buffer = Vec::new();
        while let Some(Ok(piece)) = bytes.next().await {
            buffer.extend_from_slice(&piece);
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = buffer.drain(..end + 2).collect();
                let Some(data) = frame.strip_prefix(b"data: ") else { continue };
                let Ok(chunk) = serde_json::from_slice::<Chunk>(data) else { continue };
                for text in chunk.choices.into_iter().filter_map(|choice| choice.delta.content) {
                    let event = json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": text});
                    yield Ok::<_, std::convert::Infallible>(format!("data: {event}\n\n"));
                }
            }
        }
    };
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/event-stream"),
    );
    response
}
