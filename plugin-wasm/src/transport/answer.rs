//! What an answer means: the value that was asked for, or why there is none and whether trying again can help.

use serde_json::Value;

use crate::wire::rest::{Refusal, refusal};

/// What came back for a [`super::request::Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Http {
        status: u16,
        retry_after_secs: Option<u64>,
        body: String,
    },
    /// No answer at all: the network, the host, or a fetch that was refused by the page.
    Unreachable,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Nobody answered, or a proxy did in the relay's place (its 502, 503 or 504 in HTML).
    Unreachable,
    /// An answer that is not ours: another program lives there, or nothing does.
    NotOurs { status: u16 },
    /// 403 `persesTokenExpired`.
    TokenExpired,
    /// 429; wait so long before the next try.
    Wait { secs: u64, body: Refusal },
    /// The relay can't at the moment; trying again later can help.
    Passing(Refusal),
    /// Trying again changes nothing.
    Refused(Refusal),
}

/// A wait where a limit names none.
const DEFAULT_WAIT_SECS: u64 = 5;
const LONGEST_WAIT_SECS: u64 = 3600;

/// Reads an answer of the relay or of Perses; what `reader` can't read is not theirs.
///
/// # Errors
/// See [`Failure`].
pub fn read<T>(answer: &Answer, reader: impl Fn(&Value) -> Option<T>) -> Result<T, Failure> {
    let body = success(answer)?;
    crate::wire::json(body)
        .as_ref()
        .and_then(reader)
        .ok_or(Failure::NotOurs {
            status: status_of(answer),
        })
}

/// The body of a 2xx answer.
///
/// # Errors
/// See [`Failure`].
pub fn success(answer: &Answer) -> Result<&str, Failure> {
    let Answer::Http {
        status,
        retry_after_secs,
        body,
    } = answer
    else {
        return Err(Failure::Unreachable);
    };
    if (200..300).contains(status) {
        return Ok(body);
    }
    let Some(error) = crate::wire::json(body).as_ref().and_then(refusal) else {
        return Err(match status {
            429 => Failure::Wait {
                secs: wait(*retry_after_secs),
                body: busy(),
            },
            500..=599 => Failure::Unreachable,
            _ => Failure::NotOurs { status: *status },
        });
    };
    Err(match (status, error.code.as_str()) {
        (_, "persesTokenExpired") => Failure::TokenExpired,
        (429, _) => Failure::Wait {
            secs: wait(retry_after_secs.or(error.retry_after_secs)),
            body: error,
        },
        (502..=504, _) => Failure::Passing(error),
        _ => Failure::Refused(error),
    })
}

fn wait(secs: Option<u64>) -> u64 {
    secs.unwrap_or(DEFAULT_WAIT_SECS)
        .clamp(1, LONGEST_WAIT_SECS)
}

fn status_of(answer: &Answer) -> u16 {
    match answer {
        Answer::Http { status, .. } => *status,
        Answer::Unreachable => 0,
    }
}

fn busy() -> Refusal {
    Refusal {
        code: "rateLimited".to_owned(),
        message: "Too many requests were made in a short time.".to_owned(),
        hint: None,
        retry_after_secs: None,
        run_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(answer: &Answer) -> Result<Value, Failure> {
        read(answer, |value| Some(value.clone()))
    }

    fn http(status: u16, body: &str) -> Answer {
        Answer::Http {
            status,
            retry_after_secs: None,
            body: body.to_owned(),
        }
    }

    #[test]
    fn says_what_an_answer_means() {
        let error = |code: &str| format!("{{\"code\":\"{code}\",\"message\":\"m\"}}");
        assert!(any(&http(200, "{}")).is_ok());
        assert_eq!(
            any(&http(200, "<html>")),
            Err(Failure::NotOurs { status: 200 })
        );
        assert_eq!(
            any(&http(404, "404 page not found")),
            Err(Failure::NotOurs { status: 404 })
        );
        assert_eq!(
            any(&http(502, "<html>bad gateway")),
            Err(Failure::Unreachable)
        );
        assert_eq!(any(&Answer::Unreachable), Err(Failure::Unreachable));
        assert_eq!(
            any(&http(403, &error("persesTokenExpired"))),
            Err(Failure::TokenExpired)
        );
        assert!(matches!(
            any(&http(403, &error("forbidden"))),
            Err(Failure::Refused(_))
        ));
        assert!(matches!(
            any(&http(503, &error("draining"))),
            Err(Failure::Passing(_))
        ));
        assert!(matches!(
            any(&http(400, &error("ofTheFuture"))),
            Err(Failure::Refused(_))
        ));
        assert!(matches!(
            any(&http(429, "slow down")),
            Err(Failure::Wait { secs: 5, .. })
        ));
        let limited = Answer::Http {
            status: 429,
            retry_after_secs: Some(0),
            body: error("rateLimited"),
        };
        assert!(matches!(any(&limited), Err(Failure::Wait { secs: 1, .. })));
    }
}
