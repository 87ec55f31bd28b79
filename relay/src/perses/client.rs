//! Sends one [`Call`] to the configured Perses.
//!
//! Only `Authorization`, `Accept`, `Content-Type` and `User-Agent` leave the relay. No cookie, no redirect, no system
//! proxy, no decompression behind our back: what a cap counts is what is kept in memory.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::write::GzDecoder;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret as _;
use url::Url;

use super::calls::{Call, Method, Segment};
use crate::identity::Credentials;

const USER_AGENT: &str = concat!("persai-relay/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that are kept for later; a burst of questions leaves no more behind.
const MAX_IDLE: usize = 8;

/// Caps for Perses' own small answers.
pub const API_LIMITS: Limits = Limits {
    max_bytes: 2 * 1024 * 1024,
    timeout: Duration::from_secs(10),
};

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of the body, after decompression.
    pub max_bytes: usize,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("Perses cannot be reached: {0}")]
    Unreachable(String),
    #[error("no answer within {after_ms} ms")]
    Timeout { after_ms: u64 },
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error(transparent)]
    BadPath(#[from] super::calls::BadPath),
}

/// Cheap to clone; holds no credentials.
#[derive(Debug, Clone)]
pub struct PersesClient {
    http: reqwest::Client,
    /// The configured URL without a last slash.
    base: String,
}

/// Parameters of a call: in the query for GET, as a form for POST.
pub type Params<'a> = &'a [(&'static str, String)];

impl PersesClient {
    /// # Errors
    /// The TLS set-up of this machine cannot be used.
    pub fn new(perses_url: &Url) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .build()?;
        Ok(Self {
            http,
            base: perses_url.as_str().trim_end_matches('/').to_owned(),
        })
    }

    /// # Errors
    /// No whole answer came within the limits, or a segment cannot be a name. An answer of any status is no error.
    pub async fn send(
        &self,
        call: Call,
        segments: &[Segment<'_>],
        params: Params<'_>,
        credentials: &Credentials,
        limits: Limits,
    ) -> Result<Reply, CallError> {
        let url = format!("{}{}", self.base, call.path(segments)?);
        let headers = headers(credentials)?;
        let request = match call.method() {
            Method::Get => {
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(params)
                    .finish();
                let url = if query.is_empty() {
                    url
                } else {
                    format!("{url}?{query}")
                };
                self.http.get(url).headers(headers)
            }
            Method::Post => self.http.post(url).headers(headers).form(params),
        };
        let started = Instant::now();
        let after_ms = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        let (status, body) =
            tokio::time::timeout(limits.timeout, exchange(request, limits.max_bytes))
                .await
                .map_err(|_| CallError::Timeout { after_ms })??;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Reply {
            status,
            body,
            duration_ms,
        })
    }
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(token) = &credentials.token {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| CallError::Unreadable("the token cannot stand in a header".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

async fn exchange(
    request: reqwest::RequestBuilder,
    max_bytes: usize,
) -> Result<(StatusCode, Vec<u8>), CallError> {
    let response = request
        .send()
        .await
        .map_err(|error| CallError::Unreachable(scrub(error)))?;
    let status = response.status();
    let mut sink = match response
        .headers()
        .get(header::CONTENT_ENCODING)
        .map(HeaderValue::as_bytes)
    {
        None | Some(b"" | b"identity") => Sink::Plain(Capped::new(max_bytes)),
        Some(b"gzip" | b"x-gzip") => Sink::Gzip(Box::new(GzDecoder::new(Capped::new(max_bytes)))),
        Some(_) => {
            return Err(CallError::Unreadable(
                "it is compressed in a way that was not asked for".to_owned(),
            ));
        }
    };
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| CallError::Unreadable("it was cut short".to_owned()))?;
        sink.write(&chunk)?;
    }
    Ok((status, sink.finish()?))
}

/// reqwest's errors name the URL, which may hold a query; the operator's log gets the reason only.
fn scrub(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A buffer that refuses to grow over its limit.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
}

/// Marks our own refusal among the decoder's errors.
#[derive(Debug, thiserror::Error)]
#[error("over the limit")]
struct OverLimit;

impl Capped {
    fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }
}

impl std::io::Write for Capped {
    fn write(&mut self, chunk: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + chunk.len() > self.limit {
            return Err(std::io::Error::other(OverLimit));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Plain(Capped),
    Gzip(Box<GzDecoder<Capped>>),
}

impl Sink {
    fn limit(&self) -> usize {
        match self {
            Self::Plain(capped) => capped.limit,
            Self::Gzip(decoder) => decoder.get_ref().limit,
        }
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), CallError> {
        let limit_bytes = self.limit();
        let written = match self {
            Self::Plain(capped) => capped.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
        };
        written.map_err(|error| Self::error(&error, limit_bytes))
    }

    fn finish(self) -> Result<Vec<u8>, CallError> {
        let limit_bytes = self.limit();
        match self {
            Self::Plain(capped) => Ok(capped.bytes),
            Self::Gzip(decoder) => decoder
                .finish()
                .map(|capped| capped.bytes)
                .map_err(|error| Self::error(&error, limit_bytes)),
        }
    }

    fn error(error: &std::io::Error, limit_bytes: usize) -> CallError {
        if error.get_ref().is_some_and(|inner| inner.is::<OverLimit>()) {
            CallError::TooLarge { limit_bytes }
        } else {
            CallError::Unreadable("its compression is broken".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzDecoder, GzEncoder};

    use super::{CallError, Capped, Sink};

    #[test]
    fn the_cap_counts_what_a_compressed_answer_unpacks_to() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        assert!(encoder.write_all(&vec![b'a'; 1_000_000]).is_ok());
        let packed = encoder.finish().unwrap_or_default();
        assert!(packed.len() < 10_000);
        let mut sink = Sink::Gzip(Box::new(GzDecoder::new(Capped::new(50_000))));
        let result = packed
            .chunks(100)
            .try_for_each(|chunk| sink.write(chunk))
            .and_then(|()| sink.finish().map(drop));
        assert_eq!(
            result,
            Err(CallError::TooLarge {
                limit_bytes: 50_000
            })
        );
    }

    #[test]
    fn a_plain_answer_may_be_exactly_as_large_as_the_cap() {
        let mut sink = Sink::Plain(Capped::new(4));
        assert_eq!(sink.write(b"abcd"), Ok(()));
        assert_eq!(
            sink.write(b"e"),
            Err(CallError::TooLarge { limit_bytes: 4 })
        );
    }
}
