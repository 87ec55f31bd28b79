//! A provider in the chat-completions wire format. The model name `count-<chunks>-<pause µs>` says how much it streams.

use std::error::Error;
use std::time::Duration;

use axum::{Json, Router, body::Body, http::header, response::Response, routing::post};
use serde_json::{Value, json};

pub async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let app = Router::new().route("/v1/chat/completions", post(complete));
    axum::serve(crate::listen(port).await?, app).await?;
    Ok(())
}

async fn complete(Json(request): Json<Value>) -> Response {
    let model = request["model"].as_str().unwrap_or_default().to_owned();
    let mut numbers = model
        .split('-')
        .skip(1)
        .map_while(|part| part.parse::<u64>().ok());
    let (count, pause) = (numbers.next().unwrap_or(10), numbers.next().unwrap_or(0));
    let body = async_stream::stream! {
        let chunk = |delta: Value, finish: Value| format!("data: {}\n\n", json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }));
        yield Ok::<_, std::convert::Infallible>(chunk(json!({"role": "assistant", "content": ""}), Value::Null));
        for n in 0..count {
            yield Ok(chunk(json!({"content": format!("w{n} ")}), Value::Null));
            if pause > 0 {
                tokio::time::sleep(Duration::from_micros(pause)).await;
            }
        }
        yield Ok(chunk(json!({}), json!("stop")));
        yield Ok("data: [DONE]\n\n".to_owned());
    };
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/event-stream"),
    );
    response
}
