//! Event streams: `id:` and `data:` lines with LF only, and a comment when nothing else is sent for a while.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue, header};
use tokio_util::sync::CancellationToken;

use crate::runs::StreamItem;

/// Proxies and browsers close what is silent for longer.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are there at once are written together, up to about this size.
const MAX_CHUNK: usize = 32 * 1024;
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
    let chunks = async_stream::stream! {
        loop {
            let first = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                item = items.next() => item,
                () = tokio::time::sleep(heartbeat) => {
                    yield Ok::<_, Infallible>(Bytes::from_static(PING));
                    continue;
                }
            };
            let Some(first) = first else { return };
            let mut chunk = BytesMut::with_capacity(first.data.len() + 40);
            push(&mut chunk, &first);
            // What is there already goes along: a replay is a few writes, not thousands.
            let mut over = false;
            while chunk.len() < MAX_CHUNK && !over {
                match items.next().now_or_never() {
                    Some(Some(item)) => push(&mut chunk, &item),
                    Some(None) => over = true,
                    None => break,
                }
            }
            yield Ok(chunk.freeze());
            if over {
                return;
            }
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
    (headers, Body::from_stream(chunks)).into_response()
}

fn push(chunk: &mut BytesMut, item: &StreamItem) {
    if let Some(seq) = item.seq {
        chunk.extend_from_slice(format!("id: {seq}\n").as_bytes());
    }
    chunk.extend_from_slice(b"data: ");
    // Written JSON has no raw line ends; a damaged record must still not be able to forge a line.
    for line in item.data.split(['\n', '\r']) {
        chunk.extend_from_slice(line.as_bytes());
    }
    chunk.extend_from_slice(b"\n\n");
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
