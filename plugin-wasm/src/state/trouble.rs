//! What went wrong, in words: what, why, and what to do, for every code. The sentences are in `words`.

use crate::view::TroubleView;
use crate::wire::rest::Refusal;

use super::words::{of_error_code, of_own_code};

/// The plugin's own codes, beside those of `persai_protocol::error::ErrorCode`.
pub const RELAY_UNREACHABLE: &str = "relayUnreachable";
pub const RELAY_MISSING: &str = "relayMissing";
pub const RELAY_INCOMPATIBLE: &str = "relayIncompatible";
pub const SIGN_IN_AGAIN: &str = "signInAgain";
pub const DATASOURCES_UNREADABLE: &str = "datasourcesUnreadable";
pub const NO_DATASOURCE: &str = "noDatasource";
pub const STOP_FAILED: &str = "stopFailed";

/// The trouble of a code as it stands on the wire. What the relay says itself takes the place of our `why` and `todo`.
#[must_use]
pub fn of_code(code: &str, message: &str, hint: Option<&str>) -> TroubleView {
    let words = of_error_code(code);
    let or = |text: &str, other: &str| {
        if text.trim().is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    TroubleView {
        code: code.to_owned(),
        what: words.what.to_owned(),
        why: or(message, words.why),
        todo: or(hint.unwrap_or_default(), words.todo),
        can_retry: words.can_retry,
        retry_in_secs: None,
    }
}

#[must_use]
pub fn of_body(body: &Refusal) -> TroubleView {
    let mut trouble = of_code(&body.code, &body.message, body.hint.as_deref());
    trouble.retry_in_secs = body.retry_after_secs;
    trouble
}

/// One of the plugin's own codes.
#[must_use]
pub fn own(code: &'static str, why: Option<String>, retry_in_secs: Option<u64>) -> TroubleView {
    let words = of_own_code(code);
    TroubleView {
        code: code.to_owned(),
        what: words.what.to_owned(),
        why: why.unwrap_or_else(|| words.why.to_owned()),
        todo: words.todo.to_owned(),
        can_retry: words.can_retry,
        retry_in_secs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_why_and_what_to_do() {
        let wire = [
            "invalidRequest",
            "bodyTooLarge",
            "unsupportedMediaType",
            "notFound",
            "methodNotAllowed",
            "unknownModel",
            "persesTokenExpired",
            "crossSiteRefused",
            "forbidden",
            "runActive",
            "rateLimited",
            "browserKeyRequired",
            "persesUnreachable",
            "storageUnavailable",
            "draining",
            "internal",
            "datasourceUnknown",
            "datasourceForbidden",
            "datasourceNotProxied",
            "endpointNotAllowed",
            "upstreamUnreachable",
            "upstreamTimeout",
            "upstreamRefused",
            "upstreamMalformed",
            "upstreamError",
            "resultTooLarge",
            "queryInvalid",
            "queryRefused",
            "argumentsInvalid",
            "unknownTool",
            "providerAuth",
            "providerError",
            "providerOverloaded",
            "providerTruncated",
            "providerTimeout",
            "contextTooLong",
            "budgetSpent",
            "cancelled",
            "relayRestarted",
            "ofTheFuture",
        ];
        let own_codes = [
            RELAY_UNREACHABLE,
            RELAY_MISSING,
            RELAY_INCOMPATIBLE,
            SIGN_IN_AGAIN,
            DATASOURCES_UNREADABLE,
            NO_DATASOURCE,
            STOP_FAILED,
        ];
        let all = wire
            .map(|code| of_code(code, "", None))
            .into_iter()
            .chain(own_codes.map(|c| own(c, None, None)));
        for trouble in all {
            for text in [&trouble.what, &trouble.why, &trouble.todo] {
                assert!(
                    text.ends_with('.') && !text.contains('!'),
                    "{}: {text}",
                    trouble.code
                );
            }
        }
    }

    #[test]
    fn the_relays_own_words_come_first() {
        let trouble = of_code(
            "budgetSpent",
            "The day's 100 questions are used up.",
            Some("Back at midnight."),
        );
        assert_eq!(trouble.what, "A budget is spent.");
        assert_eq!(trouble.why, "The day's 100 questions are used up.");
        assert_eq!(trouble.todo, "Back at midnight.");
    }
}
