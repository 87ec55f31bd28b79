//! Where the relay is: the first place, in order, whose capabilities say that it is ours.

use super::answer::{self, Answer, Failure};
use crate::wire::{Fields, rest};
use persai_protocol::rest::{Capabilities, ProtocolRange};
use persai_protocol::{PRODUCT, PROTOCOL_MAX, PROTOCOL_MIN};

/// The relay's possible base paths, best first. `config` is the answer for `config.json` beside the plugin, an operator's
/// override `{"relay": "/path"}`; a missing one is normal.
#[must_use]
pub fn candidates(config: &Answer, api_prefix: &str) -> Vec<String> {
    let configured = answer::read(config, |config| config.text("relay")).ok();
    let mut found = Vec::new();
    for base in configured
        .into_iter()
        .chain([format!("{api_prefix}/persai"), "/persai".to_owned()])
    {
        let base = base.trim_end_matches('/').to_owned();
        if is_same_origin_path(&base) && !found.contains(&base) {
            found.push(base);
        }
    }
    found
}

fn is_same_origin_path(base: &str) -> bool {
    base.starts_with('/')
        && !base.starts_with("//")
        && base
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~'))
        && !base.split('/').any(|part| part == "..")
}

/// What a candidate turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Relay(Box<Capabilities>),
    /// Ours, of a protocol version that we do not speak.
    Incompatible {
        relay_version: String,
        relay: ProtocolRange,
    },
    /// Something else, or nothing.
    Nothing,
    /// Perhaps ours, but it can't be had now: worth another try.
    NotNow,
}

#[must_use]
pub fn judge(answer: &Answer) -> Found {
    match answer::read(answer, rest::capabilities) {
        Ok(found) if found.product != PRODUCT => Found::Nothing,
        Ok(found) if found.protocol.min > PROTOCOL_MAX || found.protocol.max < PROTOCOL_MIN => {
            Found::Incompatible {
                relay_version: found.version,
                relay: found.protocol,
            }
        }
        Ok(found) => Found::Relay(Box::new(found)),
        Err(Failure::NotOurs { .. }) => read_unknown_shape(answer),
        Err(Failure::Refused(_)) => Found::Nothing,
        Err(
            Failure::Unreachable
            | Failure::Passing(_)
            | Failure::Wait { .. }
            | Failure::TokenExpired,
        ) => Found::NotNow,
    }
}

/// A relay of another protocol may have capabilities that we can't read whole; these fields stay.
fn read_unknown_shape(answer: &Answer) -> Found {
    let core = answer::read(answer, |value| {
        Some((
            value.text("product")?,
            value.text("version"),
            rest::protocol_range(value.get("protocol")?)?,
        ))
    });
    match core {
        Ok((product, version, relay)) if product == PRODUCT => Found::Incompatible {
            relay_version: version.unwrap_or_default(),
            relay,
        },
        _ => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(body: &str) -> Answer {
        Answer::Http {
            status: 200,
            retry_after_secs: None,
            body: body.to_owned(),
        }
    }
    const MISSING: Answer = Answer::Unreachable;

    #[test]
    fn looks_in_the_order_of_config_prefix_root() {
        assert_eq!(candidates(&MISSING, ""), ["/persai"]);
        assert_eq!(
            candidates(&MISSING, "/perses"),
            ["/perses/persai", "/persai"]
        );
        assert_eq!(
            candidates(&ok(r#"{"relay":"/ai/"}"#), ""),
            ["/ai", "/persai"]
        );
    }

    #[test]
    fn a_config_cannot_lead_off_the_origin() {
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/a/../b",
            "persai",
            "",
            "/a?b",
            "/\\\\evil",
        ] {
            let config = ok(&serde_json::json!({ "relay": bad }).to_string());
            assert_eq!(candidates(&config, ""), ["/persai"], "{bad}");
        }
    }

    #[test]
    fn tells_ours_from_others_and_from_other_versions() {
        let body = |product: &str, min: u32, max: u32| {
            ok(&serde_json::json!({"product": product, "version": "9", "protocol": {"min": min, "max": max},
                "authentication": "perses", "models": [], "defaultModel": "builtin", "agUiVersion": "1.0",
                "ignoredInputs": [], "maxQuestionBytes": 1000})
            .to_string())
        };
        assert!(matches!(judge(&body("persai", 1, 3)), Found::Relay(_)));
        assert!(matches!(
            judge(&body("persai", 2, 3)),
            Found::Incompatible { .. }
        ));
        assert_eq!(judge(&body("other", 1, 1)), Found::Nothing);
        assert_eq!(judge(&ok("<html>")), Found::Nothing);
        assert!(matches!(
            judge(&ok(r#"{"product":"persai","protocol":{"min":2,"max":2}}"#)),
            Found::Incompatible { .. }
        ));
        assert_eq!(judge(&Answer::Unreachable), Found::NotNow);
        assert_eq!(
            judge(&Answer::Http {
                status: 404,
                retry_after_secs: None,
                body: String::new()
            }),
            Found::Nothing
        );
    }
}
