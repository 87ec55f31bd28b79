//! Records every request that a stand-in gets, whole: the tests look here for tokens, parameters and counts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Older entries are forgotten.
const MAX_ENTRIES: usize = 5_000;
/// A longer request is refused with 413.
const MAX_BODY_BYTES: usize = 32 << 20;

/// One request as it came, headers with their values.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Rising, from 1.
    pub seq: u64,
    pub at_ms: u64,
    pub method: String,
    /// As sent, without the query.
    pub path: String,
    /// Of the query and of a form body, in that order, decoded.
    pub params: Vec<(String, String)>,
    pub user_agent: String,
    pub headers: Vec<(String, String)>,
    /// Text; what is not UTF-8 is replaced.
    pub body: String,
    /// Absent while the answer has not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    last_seq: u64,
    list: VecDeque<Recorded>,
}

impl Recorder {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recorded, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Recorded> {
        self.entries().list.iter().cloned().collect()
    }

    pub fn clear(&self) {
        self.entries().list.clear();
    }

    fn add(&self, mut entry: Recorded) -> u64 {
        let mut entries = self.entries();
        entries.last_seq += 1;
        entry.seq = entries.last_seq;
        entries.list.push_back(entry);
        if entries.list.len() > MAX_ENTRIES {
            entries.list.pop_front();
        }
        entries.last_seq
    }

    fn set_status(&self, seq: u64, status: u16) {
        if let Some(entry) = self
            .entries()
            .list
            .iter_mut()
            .rev()
            .find(|entry| entry.seq == seq)
        {
            entry.status = Some(status);
        }
    }
}

/// Middleware: records the request, hands it on unchanged with its body in memory.
pub async fn record(State(recorder): State<Recorder>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY_BYTES).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the stand-in takes at most 32 MiB",
        )
            .into_response();
    };
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let mut params = pairs(parts.uri.query().unwrap_or_default().as_bytes());
    if header("content-type").starts_with("application/x-www-form-urlencoded") {
        params.extend(pairs(&bytes));
    }
    let seq = recorder.add(Recorded {
        seq: 0,
        at_ms: now_ms(),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        params,
        user_agent: header("user-agent").to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        status: None,
    });
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    recorder.set_status(seq, response.status().as_u16());
    response
}

/// `?after=<seq>` leaves out older entries, `?path=<prefix>` other paths.
#[derive(Debug, Default, Deserialize)]
pub struct Filter {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    path: String,
}

/// `GET /__recorded`
pub async fn show(
    State(recorder): State<Recorder>,
    Query(filter): Query<Filter>,
) -> Json<Vec<Recorded>> {
    let mut list = recorder.list();
    list.retain(|entry| entry.seq > filter.after && entry.path.starts_with(&filter.path));
    Json(list)
}

/// `DELETE /__recorded`
pub async fn forget(State(recorder): State<Recorder>) -> StatusCode {
    recorder.clear();
    StatusCode::NO_CONTENT
}

/// Milliseconds since 1970, UTC.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// `a=1&b=2`, percent- and plus-decoded.
fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(encoded);
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(encoded: &str) -> String {
    let bytes = encoded.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|two| std::str::from_utf8(two).ok());
        match (
            bytes[at],
            hex.and_then(|two| u8::from_str_radix(two, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn form_parameters_are_decoded() {
        let got = pairs(b"query=rate%28x%5B5m%5D%29+%2B+1&step=15&flag&bad=%zz");
        let want = [
            ("query", "rate(x[5m]) + 1"),
            ("step", "15"),
            ("flag", ""),
            ("bad", "%zz"),
        ];
        assert_eq!(
            got,
            want.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
