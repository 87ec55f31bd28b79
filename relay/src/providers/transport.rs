//! Our own HTTP under the provider library: no redirects, bounded lines, events and answers, and the key set here, so
//! that the library never sees it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use rig_http::http_client::{
    BoxedStream, Error, HttpClientExt, LazyBody, MultipartForm, Result, StreamingResponse,
};
use rig_reqwest::ReqwestClient;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes without a line break.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Bytes without an empty line.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a whole answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What a stream broke; it is closed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("a line of the answer is longer than {MAX_LINE_BYTES} bytes")]
    Line,
    #[error("an event of the answer is longer than {MAX_EVENT_BYTES} bytes")]
    Event,
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    Answer,
    #[error("the answer is not UTF-8")]
    Utf8,
    #[error("the provider was silent for {0:?}")]
    Idle(Duration),
    #[error("this request has no form that we send")]
    Unsupported,
}

/// One provider's HTTP client with its headers.
#[derive(Clone)]
pub struct Transport {
    client: ReqwestClient,
    headers: HeaderMap,
    /// Silence before the head of an answer, or between two of its bytes, after which it is given up. Counted here and
    /// not by the library, whose timer wakes a thread of its own for every chunk.
    idle: Duration,
}

impl Transport {
    /// `headers` are set on every request, the key among them; they go before the library's own.
    pub fn new(
        headers: HeaderMap,
        https_only: bool,
        idle: Duration,
    ) -> std::result::Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .https_only(https_only)
            // Not unpacked, so that the caps below count what really comes.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .user_agent(concat!("persai-relay/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client: ReqwestClient::from(client),
            headers,
            idle,
        })
    }

    fn prepare<T: Into<Bytes>>(&self, request: Request<T>) -> Request<Bytes> {
        let (mut parts, body) = request.into_parts();
        let bare =
            |value: &HeaderValue| value.is_empty() || value.as_bytes().trim_ascii() == b"Bearer";
        for name in ["authorization", "x-api-key", "api-key"] {
            if parts.headers.get(name).is_some_and(bare) {
                parts.headers.remove(name);
            }
        }
        for (name, value) in &self.headers {
            parts.headers.insert(name, value.clone());
        }
        Request::from_parts(parts, body.into())
    }
}

impl HttpClientExt for Transport {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let (client, request) = (self.client.clone(), self.prepare(request));
        async move {
            // Streamed, so that the cap holds for a whole body too.
            let (parts, mut body) = client.send_streaming(request).await?.into_parts();
            let whole: LazyBody<U> = Box::pin(async move {
                let mut bytes = Vec::new();
                while let Some(chunk) = body.next().await {
                    bytes.extend_from_slice(&chunk?);
                    if bytes.len() > MAX_EVENT_BYTES {
                        return Err(Error::instance(Broken::Answer));
                    }
                }
                Ok(U::from(Bytes::from(bytes)))
            });
            Ok(Response::from_parts(parts, whole))
        }
    }

    fn send_multipart<U>(
        &self,
        _request: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        std::future::ready(Err(Error::instance(Broken::Unsupported)))
    }

    fn send_streaming<T>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<StreamingResponse>> + Send
    where
        T: Into<Bytes> + Send,
    {
        let (client, request, idle) = (self.client.clone(), self.prepare(request), self.idle);
        async move {
            let head = tokio::time::timeout(idle, client.send_streaming(request)).await;
            let (parts, body) = head
                .map_err(|_| Error::instance(Broken::Idle(idle)))??
                .into_parts();
            let capped: BoxedStream = Box::pin(capped(body, idle));
            Ok(Response::from_parts(parts, capped))
        }
    }
}

/// Passes chunks on until one breaks a rule or none comes in time; then comes the error and nothing more.
fn capped(mut body: BoxedStream, idle: Duration) -> impl Stream<Item = Result<Bytes>> + Send {
    async_stream::stream! {
        let mut counts = Counts::default();
        let silence = tokio::time::sleep(idle);
        tokio::pin!(silence);
        loop {
            let chunk = tokio::select! {
                biased;
                chunk = body.next() => chunk,
                () = &mut silence => Some(Err(Error::instance(Broken::Idle(idle)))),
            };
            let chunk = match chunk {
                None => return,
                Some(Ok(chunk)) => match counts.add(&chunk) {
                    Ok(()) => Ok(chunk),
                    Err(broken) => Err(Error::instance(broken)),
                },
                Some(error) => error,
            };
            let ended = chunk.is_err();
            yield chunk;
            if ended {
                return;
            }
            silence.as_mut().reset(tokio::time::Instant::now() + idle);
        }
    }
}

#[derive(Default)]
struct Counts {
    line: usize,
    event: usize,
    answer: usize,
    /// Start of a character whose rest comes with the next chunk.
    cut: Vec<u8>,
}

impl Counts {
    fn add(&mut self, chunk: &[u8]) -> std::result::Result<(), Broken> {
        self.answer += chunk.len();
        if self.answer > MAX_ANSWER_BYTES {
            return Err(Broken::Answer);
        }
        let mut rest = chunk;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            // An empty line ends the event; CR and LF both count as a break, so CRLF leaves an empty one. That only
            // makes the count of a CRLF stream's events smaller than it is; the answer's cap holds all the same.
            self.line += at;
            self.event = if self.line == 0 {
                0
            } else {
                self.event + at + 1
            };
            self.check(self.line, self.event)?;
            self.line = 0;
            rest = &rest[at + 1..];
        }
        self.line += rest.len();
        self.event += rest.len();
        self.check(self.line, self.event)?;
        self.check_utf8(chunk)
    }

    fn check(&self, line: usize, event: usize) -> std::result::Result<(), Broken> {
        if line > MAX_LINE_BYTES {
            return Err(Broken::Line);
        }
        if event > MAX_EVENT_BYTES {
            return Err(Broken::Event);
        }
        Ok(())
    }

    fn check_utf8(&mut self, chunk: &[u8]) -> std::result::Result<(), Broken> {
        let joined;
        let bytes = if self.cut.is_empty() {
            chunk
        } else {
            joined = [self.cut.as_slice(), chunk].concat();
            joined.as_slice()
        };
        match std::str::from_utf8(bytes) {
            Ok(_) => self.cut.clear(),
            Err(error) if error.error_len().is_none() => {
                self.cut = bytes[error.valid_up_to()..].to_vec()
            }
            Err(_) => return Err(Broken::Utf8),
        }
        Ok(())
    }
}

/// The operator's headers and the key, checked. Values never show in a debug line.
pub fn headers<'a>(
    key: Option<&str>,
    extra: impl Iterator<Item = (&'a String, &'a String)>,
) -> std::result::Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in extra {
        let name =
            http::HeaderName::try_from(name).map_err(|_| format!("{name:?} cannot be a header"))?;
        if [
            header::AUTHORIZATION,
            header::HOST,
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::COOKIE,
            header::CONNECTION,
            header::TRANSFER_ENCODING,
        ]
        .contains(&name)
        {
            return Err(format!(
                "{name} is set by the relay; the key belongs into api_key_env or api_key_file"
            ));
        }
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| format!("the value of {name} cannot be a header"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| "the key holds characters that a header cannot carry".to_owned())?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_events_and_answers_are_capped() {
        let line = vec![b'a'; MAX_LINE_BYTES];
        let mut counts = Counts::default();
        assert_eq!(counts.add(&line), Ok(()));
        assert_eq!(counts.add(b"a"), Err(Broken::Line));

        let mut counts = Counts::default();
        let short = b"data: x\n".repeat(1024);
        let broken = (0..1024).find_map(|_| counts.add(&short).err());
        assert_eq!(broken, Some(Broken::Event));

        let mut counts = Counts::default();
        let event = b"data: x\n\n".repeat(1024);
        let broken = (0..10_000).find_map(|_| counts.add(&event).err());
        assert_eq!(broken, Some(Broken::Answer));
        assert!(counts.answer > MAX_ANSWER_BYTES);
    }

    #[test]
    fn characters_may_be_cut_by_chunks_but_not_be_wrong() {
        let mut counts = Counts::default();
        for byte in "data: 🦀 é €\n\n".as_bytes() {
            assert_eq!(counts.add(&[*byte]), Ok(()));
        }
        assert_eq!(counts.add(b"ab\xff\xfe"), Err(Broken::Utf8));
    }

    #[test]
    fn the_operator_cannot_set_what_is_ours() {
        let one = |name: &str| {
            headers(
                None,
                [(name.to_owned(), "v".to_owned())]
                    .iter()
                    .map(|(a, b)| (a, b)),
            )
        };
        assert!(one("Authorization").is_err());
        assert!(one("host").is_err());
        assert!(one("x-tenant").is_ok());
        let shown = format!("{:?}", headers(Some("sk-CANARY"), std::iter::empty()));
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}
