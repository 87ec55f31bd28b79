//! What an answer means: Perses' own `{"message": …}` and its upstream's answers come on the same path and are told
//! apart by their form.

use http::StatusCode;
use persai_agent::ports::{DataError, PromEndpoint};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::{CallError, Reply};

/// Longest error text of others that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Prometheus' envelope without its data.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PromHead {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    data: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct PersesMessage {
    message: String,
}

/// Perses' text of an error answer, where it has Perses' form.
#[must_use]
pub fn perses_message(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<PersesMessage>(body)
        .ok()
        .map(|body| clip(&body.message))
}

/// Whether Perses says that the token is missing, malformed, expired or nobody's. 0.52 says it with 400.
#[must_use]
pub fn is_token_refused(status: StatusCode, message: &str) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST)
        && [
            "malformed jwt",
            "expired jwt",
            "failed to retrieve user",
            "authentication is required",
        ]
        .iter()
        .any(|text| message.contains(text))
}

/// Nothing whole came back.
#[must_use]
pub fn call_error(error: CallError) -> DataError {
    match error {
        CallError::Unreachable(_) => DataError::PersesUnreachable,
        CallError::Timeout { after_ms } => DataError::Timeout { after_ms },
        CallError::TooLarge { limit_bytes } => DataError::TooLarge { limit_bytes },
        CallError::Unreadable(hint) => DataError::Malformed { hint },
        CallError::BadPath(_) => DataError::Unknown,
    }
}

/// A Prometheus answer through the datasource proxy: `Ok` for a 2xx JSON body with `"status":"success"`.
///
/// # Errors
/// Everything else, by who said it and what it looks like.
pub fn read_prometheus(reply: &Reply, endpoint: PromEndpoint) -> Result<(), DataError> {
    let head = serde_json::from_slice::<PromHead>(&reply.body).ok();
    let prom_status = head.as_ref().and_then(|head| head.status.as_deref());
    if reply.status.is_success() {
        return match (prom_status, &head) {
            (Some("success"), Some(PromHead { data: Some(_), .. })) => Ok(()),
            (Some("error"), Some(head)) => Err(upstream(reply.status, head)),
            (_, Some(_)) => Err(malformed("JSON of another shape")),
            (_, None) => Err(malformed(looks_like(&reply.body))),
        };
    }
    if reply.status.is_redirection() {
        return Err(malformed("a redirect"));
    }
    if let Some(message) = perses_message(&reply.body)
        && prom_status.is_none()
    {
        return Err(perses_refusal(reply.status, &message, endpoint));
    }
    if matches!(
        reply.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        return Err(DataError::Refused);
    }
    match head {
        Some(head) if head.status.as_deref() == Some("error") => Err(upstream(reply.status, &head)),
        _ if matches!(reply.status.as_u16(), 502..=504) => Err(DataError::Unreachable),
        _ if reply.status.is_server_error() => Err(DataError::Upstream {
            status: reply.status.as_u16(),
            error_type: "internal".to_owned(),
            message: format!(
                "the datasource answered with status {}",
                reply.status.as_u16()
            ),
        }),
        _ => Err(malformed(&format!(
            "status {} with {}",
            reply.status.as_u16(),
            looks_like(&reply.body)
        ))),
    }
}

/// An error of Perses itself, on the proxy or on its REST API.
#[must_use]
pub fn perses_refusal(status: StatusCode, message: &str, endpoint: PromEndpoint) -> DataError {
    if is_token_refused(status, message) {
        return DataError::CredentialsExpired;
    }
    match status {
        StatusCode::FORBIDDEN if message.contains("not allowed to use this endpoint") => {
            DataError::EndpointNotAllowed { endpoint }
        }
        StatusCode::FORBIDDEN
            if message.contains("forbidden access") || message.contains("missing '") =>
        {
            DataError::Forbidden {
                missing: missing_right(message),
            }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => DataError::Refused,
        StatusCode::NOT_FOUND => DataError::Unknown,
        StatusCode::BAD_REQUEST if message.contains("metadata.project") => DataError::Unknown,
        status if status.is_server_error() => DataError::Unreachable,
        status => DataError::Upstream {
            status: status.as_u16(),
            error_type: "perses".to_owned(),
            message: message.to_owned(),
        },
    }
}

/// `missing 'read' permission in 'demo' project for 'Datasource' kind` → `read … 'Datasource' kind`, in Perses' words.
fn missing_right(message: &str) -> Option<String> {
    message
        .find("missing '")
        .map(|start| message[start + "missing ".len()..].to_owned())
}

fn upstream(status: StatusCode, head: &PromHead) -> DataError {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return DataError::Refused;
    }
    DataError::Upstream {
        status: status.as_u16(),
        error_type: head
            .error_type
            .as_deref()
            .map_or_else(|| "unknown".to_owned(), clip),
        message: head.error.as_deref().map(clip).unwrap_or_default(),
    }
}

fn malformed(hint: &str) -> DataError {
    DataError::Malformed {
        hint: hint.to_owned(),
    }
}

fn looks_like(body: &[u8]) -> &'static str {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => "an empty body",
        Some(b'<') => "HTML",
        Some(b'{' | b'[') => "broken JSON",
        Some(_) => "plain text",
    }
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use persai_agent::ports::{DataError, PromEndpoint};

    use super::read_prometheus;
    use crate::perses::client::Reply;

    fn read(status: u16, body: &str) -> Result<(), DataError> {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let reply = Reply {
            status,
            body: body.as_bytes().to_vec(),
            duration_ms: 1,
        };
        read_prometheus(&reply, PromEndpoint::Query)
    }

    fn malformed(hint: &str) -> Result<(), DataError> {
        Err(DataError::Malformed {
            hint: hint.to_owned(),
        })
    }

    /// Bodies and statuses as they were seen on running servers.
    #[test]
    fn perses_and_its_upstream_are_told_apart() {
        use DataError as E;
        assert_eq!(
            read(
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#
            ),
            Ok(())
        );
        for text in ["missing or malformed jwt", "invalid or expired jwt"] {
            let body = format!(r#"{{"message":"{text}"}}"#);
            assert_eq!(read(401, &body), Err(E::CredentialsExpired));
        }
        assert_eq!(
            read(400, r#"{"message":"missing or malformed jwt"}"#),
            Err(E::CredentialsExpired),
            "0.52"
        );
        assert_eq!(read(401, "Unauthorized"), Err(E::Refused));
        assert_eq!(read(401, r#"{"message":"who are you"}"#), Err(E::Refused));
        assert_eq!(read(403, "<html>no</html>"), Err(E::Refused));
        assert_eq!(
            read(
                401,
                r#"{"status":"error","errorType":"unauthorized","error":"x"}"#
            ),
            Err(E::Refused)
        );
        assert_eq!(
            read(
                403,
                r#"{"message":"forbidden access: missing 'read' global permission for 'GlobalDatasource' kind"}"#
            ),
            Err(E::Forbidden {
                missing: Some("'read' global permission for 'GlobalDatasource' kind".to_owned())
            })
        );
        assert_eq!(
            read(
                403,
                r#"{"message":"forbidden access: you are not allowed to use this endpoint \"/api/v1/query\" with the HTTP method POST"}"#
            ),
            Err(E::EndpointNotAllowed {
                endpoint: PromEndpoint::Query
            })
        );
        assert_eq!(
            read(
                404,
                r#"{"message":"document not found: unable to forward"}"#
            ),
            Err(E::Unknown)
        );
        assert_eq!(
            read(400, r#"{"message":"metadata.project \"x\" doesn't exist"}"#),
            Err(E::Unknown)
        );
        assert_eq!(
            read(500, r#"{"message":"dial tcp: connection refused"}"#),
            Err(E::Unreachable)
        );
        assert_eq!(read(502, r#"{"message":"EOF"}"#), Err(E::Unreachable));
        assert_eq!(read(503, "<html>"), Err(E::Unreachable));
        assert_eq!(
            read(
                400,
                r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: x"}"#
            ),
            Err(E::Upstream {
                status: 400,
                error_type: "bad_data".to_owned(),
                message: "1:4: parse error: x".to_owned()
            })
        );
        assert_eq!(read(302, ""), malformed("a redirect"));
    }

    #[test]
    fn answers_that_are_not_prometheus_say_what_they_look_like() {
        assert_eq!(read(200, "<!doctype html><html></html>"), malformed("HTML"));
        assert_eq!(read(200, "  "), malformed("an empty body"));
        assert_eq!(
            read(200, r#"{"status":"success","data":{"#),
            malformed("broken JSON")
        );
        assert_eq!(
            read(200, r#"{"hello":1}"#),
            malformed("JSON of another shape")
        );
        assert_eq!(read(200, "pong"), malformed("plain text"));
        assert_eq!(
            read(404, "404 page not found"),
            malformed("status 404 with plain text")
        );
    }
}
