//! Event streams: `id:` and `data:` lines with LF only, and a comment when nothing else is sent for a while.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue, header};
use tokio_util::sync::CancellationToken;

use crate::runs::StreamItem;

/// Proxies and browsers close what is silent for longer.
const HEARTBEAT: Duration = Duration::from_secs(15);
const PING: &[u8] = b": ping\n\n";

/// The answer lasts until the items end or the relay shuts down. A reader who goes away ends only this stream.
#[must_use]
pub fn stream(items: BoxStream<'static, StreamItem>, shutdown: CancellationToken) -> Response {
    stream_with(items, shutdown, HEARTBEAT)
}

fn stream_with(
    mut items: BoxStream<'static, StreamItem>,
    shutdown: CancellationToken,
    heartbeat: Duration,
) -> Response {
    let frames = async_stream::stream! {
        loop {
            let frame = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                item = items.next() => match item {
                    Some(item) => frame(&item),
                    None => return,
                },
                () = tokio::time::sleep(heartbeat) => Bytes::from_static(PING),
            };
            yield Ok::<_, Infallible>(frame);
        }
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        // nginx would hold events back otherwise.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, Body::from_stream(frames)).into_response()
}

fn frame(item: &StreamItem) -> Bytes {
    let mut text = String::with_capacity(item.data.len() + 40);
    if let Some(seq) = item.seq {
        text.push_str("id: ");
        text.push_str(&seq.to_string());
        text.push('\n');
    }
    text.push_str("data: ");
    // Written JSON has no raw line ends; a damaged record must still not be able to forge a line.
    text.extend(item.data.chars().filter(|c| !matches!(c, '\n' | '\r')));
    text.push_str("\n\n");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use tokio_util::sync::CancellationToken;

    use super::{StreamItem, stream_with};

    fn item(seq: Option<u64>, data: &str) -> StreamItem {
        StreamItem {
            seq,
            data: data.into(),
        }
    }

    #[tokio::test]
    async fn events_have_ids_and_line_feeds_only() {
        let items =
            futures::stream::iter([item(Some(7), r#"{"type":"X"}"#), item(None, "{\r\n}")]).boxed();
        let response = stream_with(items, CancellationToken::new(), Duration::from_secs(60));
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let body = axum::body::to_bytes(response.into_body(), 1000)
            .await
            .unwrap_or_default();
        assert_eq!(body, "id: 7\ndata: {\"type\":\"X\"}\n\ndata: {}\n\n");
    }

    #[tokio::test]
    async fn a_silent_stream_pings_and_ends_at_shutdown() {
        let shutdown = CancellationToken::new();
        let response = stream_with(
            futures::stream::pending().boxed(),
            shutdown.clone(),
            Duration::from_millis(10),
        );
        let mut frames = response.into_body().into_data_stream();
        let first = frames.next().await.and_then(Result::ok).unwrap_or_default();
        assert_eq!(first, ": ping\n\n");
        shutdown.cancel();
        assert!(frames.next().await.is_none());
    }
}
