//! What can go wrong at a provider, in the agent's words. The cause is for the operator's log: short, and without any
//! secret of ours.

use std::error::Error as _;
use std::time::SystemTime;

use persai_agent::ports::{ModelError, ModelErrorKind};
use rig_core::error::{ErrorReport, ProviderError};
use rig_core::http_client;
use secrecy::{ExposeSecret, SecretString};

use super::transport::Broken;

/// Longest cause, in characters.
const MAX_CAUSE_CHARS: usize = 200;
/// Longest wait that a provider can ask for.
const MAX_RETRY_AFTER_SECS: u64 = 3600;

/// Texts that must not stand in any error: the key and the values of the operator's headers.
pub struct Scrubber {
    secrets: Vec<SecretString>,
}

impl Scrubber {
    pub fn new(secrets: Vec<SecretString>) -> Self {
        Self { secrets }
    }

    /// Without secrets and control characters, and cut; in this order, so that no part of a secret is left.
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            // A value as short as this is no secret, and would garble every text.
            if secret.len() >= 4 {
                text = text.replace(secret, "[secret]");
            }
        }
        let plain: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        plain.chars().take(MAX_CAUSE_CHARS).collect()
    }
}

/// An error without a provider's part in it.
pub fn ours(kind: ModelErrorKind, cause: impl Into<String>) -> ModelError {
    ModelError {
        kind,
        retryable: false,
        retry_after_secs: None,
        cause: cause.into(),
    }
}

/// A provider's error as the agent takes it.
pub fn model_error(error: &ProviderError, scrubber: &Scrubber) -> ModelError {
    let report = ErrorReport::from(error);
    let (kind, retryable, what) = classify(error, &report);
    let retry_after_secs = report
        .retry_after(SystemTime::now())
        .map(|wait| {
            wait.as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0))
                .min(MAX_RETRY_AFTER_SECS)
        })
        .filter(|_| retryable);
    let detail = report.provider_response_body().unwrap_or(&what);
    let cause = match report.http_status {
        Some(status) => format!("HTTP {status}: {detail}"),
        None => detail.to_owned(),
    };
    ModelError {
        kind,
        retryable,
        retry_after_secs,
        cause: scrubber.scrub(&cause),
    }
}

fn classify(error: &ProviderError, report: &ErrorReport) -> (ModelErrorKind, bool, String) {
    use ModelErrorKind as Kind;
    let text = report.message.clone();
    match error {
        ProviderError::Truncated => (Kind::Truncated, true, text),
        ProviderError::Stalled(_) => (Kind::Timeout, true, text),
        ProviderError::InvalidAuthentication(_) => (Kind::Auth, false, text),
        ProviderError::Http(error) => match report.http_status {
            Some(status) => by_status(status, report),
            None => by_transport(error),
        },
        ProviderError::Request(_) | ProviderError::Url(_) | ProviderError::UnsupportedOption(_) => {
            (Kind::InvalidRequest, false, text)
        }
        _ => match report.http_status {
            // An error within a stream comes with the status of the stream's start.
            Some(status) if !(200..300).contains(&status) => by_status(status, report),
            _ if report.is_context_overflow() => (Kind::ContextTooLong, false, text),
            _ => by_code(report, text),
        },
    }
}

fn by_status(status: u16, report: &ErrorReport) -> (ModelErrorKind, bool, String) {
    use ModelErrorKind as Kind;
    let text = report.message.clone();
    match status {
        300..400 => (
            Kind::InvalidRequest,
            false,
            "the provider answers with a redirect, which is not followed".into(),
        ),
        401 | 403 => (Kind::Auth, false, text),
        408 => (Kind::Timeout, true, text),
        429 => (Kind::RateLimited, true, text),
        _ if report.is_context_overflow() => (Kind::ContextTooLong, false, text),
        400..500 => (Kind::InvalidRequest, false, text),
        502 | 503 | 504 | 529 => (Kind::Overloaded, true, text),
        500..600 => (Kind::Other, true, text),
        _ => (Kind::Other, false, text),
    }
}

/// An error event within a stream: a code of the provider, or none.
fn by_code(report: &ErrorReport, text: String) -> (ModelErrorKind, bool, String) {
    let code = report.code.as_deref().unwrap_or_default();
    let said = report
        .provider_response_body()
        .unwrap_or(&text)
        .to_ascii_lowercase();
    if code == "429" || said.contains("rate_limit") {
        (ModelErrorKind::RateLimited, true, text)
    } else if said.contains("overloaded") || matches!(code, "503" | "529") {
        (ModelErrorKind::Overloaded, true, text)
    } else {
        (ModelErrorKind::Other, report.retryable, text)
    }
}

fn by_transport(error: &http_client::Error) -> (ModelErrorKind, bool, String) {
    use ModelErrorKind as Kind;
    match error {
        http_client::Error::InvalidContentType(content_type) => {
            return (
                Kind::Other,
                false,
                format!("the answer is no event stream but {content_type:?}"),
            );
        }
        http_client::Error::StreamEnded => return (Kind::Truncated, true, error.to_string()),
        _ => {}
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(broken) = cause.downcast_ref::<Broken>() {
            let (kind, retryable) = match broken {
                Broken::Line | Broken::Event | Broken::Answer => (Kind::TooLarge, false),
                Broken::Utf8 | Broken::Unsupported => (Kind::Other, false),
                Broken::Idle(_) => (Kind::Timeout, true),
            };
            return (kind, retryable, broken.to_string());
        }
        if let Some(cause) = cause.downcast_ref::<reqwest::Error>() {
            return by_client(cause);
        }
        source = cause.source();
    }
    (Kind::Unreachable, true, error.to_string())
}

fn by_client(error: &reqwest::Error) -> (ModelErrorKind, bool, String) {
    // The client's own text names the URL; what lies under it says what happened.
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    if error.is_connect() {
        (
            ModelErrorKind::Unreachable,
            true,
            format!("no connection: {text}"),
        )
    } else if error.is_timeout() {
        (
            ModelErrorKind::Timeout,
            true,
            "the provider did not answer in time".to_owned(),
        )
    } else if error.is_builder() {
        (
            ModelErrorKind::InvalidRequest,
            false,
            format!("the request cannot be sent: {text}"),
        )
    } else {
        (
            ModelErrorKind::Truncated,
            true,
            format!("the connection was lost: {text}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_gone_also_where_the_text_is_cut() {
        let scrubber = Scrubber::new(vec![SecretString::from("sk-CANARY-0123456789")]);
        let text = format!(
            "{}sk-CANARY-0123456789 is wrong",
            "x".repeat(MAX_CAUSE_CHARS - 5)
        );
        let scrubbed = scrubber.scrub(&text);
        assert!(!scrubbed.contains("sk-"), "{scrubbed}");
        assert_eq!(scrubbed.chars().count(), MAX_CAUSE_CHARS);
        assert_eq!(scrubber.scrub("a\nb\u{1b}[31m"), "a b [31m");
    }
}
