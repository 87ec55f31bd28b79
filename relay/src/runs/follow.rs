//! Out of the log to one reader: history first, then live. A reader that is slow reads the log again; it never makes
//! anything wait or grow.

use std::sync::Arc;

use async_stream::stream;
use futures::stream::BoxStream;
use persai_protocol::custom::{CaughtUp, Custom};
use tokio_util::sync::CancellationToken;

use super::StreamItem;
use crate::log::{ConversationKey, EventLog, Followed, Follower, Kind, Record, Slice};

/// Records of one read; a page is bounded in bytes as well.
const PAGE: usize = 128;

/// What one reader reads.
pub struct Reading {
    pub log: Arc<dyn EventLog>,
    pub conversation: ConversationKey,
    /// Set: that run alone, and the stream ends with it. Else all runs, with `persai.caughtUp` after the history.
    pub run_id: Option<String>,
    pub after: u64,
    /// The reader was ahead of the log.
    pub reset: bool,
    /// The follower hears everything that comes after `after`, so that the log need not be read.
    pub live: bool,
    pub closed: CancellationToken,
}

/// `follower` was set up before `after` was compared with the log, so that nothing falls between.
pub fn stream(reading: Reading, mut follower: Follower) -> BoxStream<'static, StreamItem> {
    let Reading {
        log,
        conversation,
        run_id,
        after,
        reset,
        live,
        closed,
    } = reading;
    Box::pin(stream! {
        let mut at = after;
        let mut caught_up = run_id.is_some();
        if reset && let Some(item) = unstored(Custom::Reset) {
            yield item;
        }
        let mut behind = !live;
        loop {
            while behind {
                let slice = Slice {
                    conversation: &conversation,
                    after: at,
                    run_id: run_id.as_deref(),
                    kind: Kind::Agui,
                    limit: PAGE,
                };
                let page = match log.read(slice.clone()).await {
                    Ok(page) => page,
                    Err(error) => {
                        // The reader comes back with its last seq.
                        tracing::warn!(%error, "a stream ended because the log could not be read");
                        return;
                    }
                };
                // What was committed since then is heard.
                behind = !slice.ends_with(&page);
                for record in page {
                    at = record.seq;
                    let last = run_id.is_some() && record.ends_run();
                    yield stored(&record);
                    if last {
                        return;
                    }
                }
            }
            if !caught_up {
                caught_up = true;
                if let Some(item) = unstored(Custom::CaughtUp(CaughtUp { v: 1, seq: at })) {
                    yield item;
                }
            }
            loop {
                let followed = tokio::select! {
                    // What was committed before the close is sent first.
                    biased;
                    followed = follower.next() => followed,
                    () = closed.cancelled() => return,
                };
                match followed {
                    Followed::Record(record) => {
                        if record.seq <= at || run_id.as_deref().is_some_and(|run_id| *record.run_id != *run_id) {
                            continue;
                        }
                        at = record.seq;
                        let last = run_id.is_some() && record.ends_run();
                        yield stored(&record);
                        if last {
                            return;
                        }
                    }
                    Followed::Behind => {
                        behind = true;
                        break;
                    }
                    Followed::Closed => return,
                }
            }
        }
    })
}

fn stored(record: &Record) -> StreamItem {
    StreamItem {
        seq: Some(record.seq),
        data: Arc::clone(&record.body),
    }
}

fn unstored(custom: Custom) -> Option<StreamItem> {
    let data = serde_json::to_string(&custom.into_event()?).ok()?;
    Some(StreamItem {
        seq: None,
        data: Arc::from(data),
    })
}
