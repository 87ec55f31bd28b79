//! The token that a request presents, and what it says of itself. Nothing here is verified: Perses does that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Credentials;

/// Both are needed; the first is `header.payload`, the second the signature. `jwtRefreshToken` has no name here on
/// purpose: it is never read.
const PAYLOAD_COOKIE: &str = "jwtPayload";
const SIGNATURE_COOKIE: &str = "jwtSignature";

/// Longest token that is taken; Perses' own have about 220 bytes.
const MAX_TOKEN_LEN: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `Authorization: Bearer …`
    Header,
    /// `jwtPayload` and `jwtSignature`
    Cookies,
}

pub struct Presented {
    pub token: SecretString,
    pub source: Source,
}

/// The `Authorization` header where it is a Bearer one, else the two cookies. What cannot be a token is none.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<Presented> {
    if let Some(token) = bearer(headers) {
        let token = Some(token).filter(|token| could_be_token(token))?;
        return Some(Presented {
            token: SecretString::from(token.to_owned()),
            source: Source::Header,
        });
    }
    let token = format!(
        "{}.{}",
        cookie(headers, PAYLOAD_COOKIE)?,
        cookie(headers, SIGNATURE_COOKIE)?
    );
    could_be_token(&token).then(|| Presented {
        token: SecretString::from(token),
        source: Source::Cookies,
    })
}

/// Whether a browser may have added a login by itself: then a changing request has to prove where it comes from.
#[must_use]
pub fn has_login_cookie(headers: &HeaderMap) -> bool {
    cookie(headers, PAYLOAD_COOKIE).is_some() || cookie(headers, SIGNATURE_COOKIE).is_some()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .trim()
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The first cookie of that exact name, as Perses takes it.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
        .filter(|value| !value.is_empty())
}

fn could_be_token(token: &str) -> bool {
    !token.is_empty() && token.len() <= MAX_TOKEN_LEN && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Claims that shorten caching or name the user to ask about; never a reason to let anybody in.
#[derive(Debug, Default, Deserialize)]
pub struct Claims {
    #[serde(default)]
    exp: Option<f64>,
    #[serde(default)]
    pub sub: Option<String>,
}

impl Claims {
    /// What cannot be read is empty.
    #[must_use]
    pub fn of(token: &SecretString) -> Self {
        token
            .expose_secret()
            .split('.')
            .nth(1)
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok())
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }

    /// UTC seconds.
    #[must_use]
    pub fn exp_secs(&self) -> Option<i64> {
        #[allow(clippy::cast_possible_truncation)]
        self.exp.filter(|exp| exp.is_finite()).map(|exp| exp as i64)
    }
}

impl Presented {
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::bearer(self.token.clone(), Claims::of(&self.token).exp_secs())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{HeaderMap, HeaderValue, header};
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{Claims, Source, has_login_cookie, presented};

    fn headers(authorization: Option<&str>, cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    fn found(authorization: Option<&str>, cookies: &[&str]) -> Option<(String, Source)> {
        presented(&headers(authorization, cookies))
            .map(|presented| (presented.token.expose_secret().to_owned(), presented.source))
    }

    #[test]
    fn the_header_goes_before_the_cookies() {
        let cookies = ["jwtPayload=h.p; jwtSignature=s"];
        assert_eq!(
            found(Some("Bearer a.b.c"), &cookies),
            Some(("a.b.c".to_owned(), Source::Header))
        );
        assert_eq!(
            found(Some("bearer garbage"), &cookies),
            Some(("garbage".to_owned(), Source::Header))
        );
        assert_eq!(
            found(None, &cookies),
            Some(("h.p.s".to_owned(), Source::Cookies))
        );
        assert_eq!(
            found(Some("Basic dXNlcg=="), &cookies),
            Some(("h.p.s".to_owned(), Source::Cookies))
        );
    }

    #[test]
    fn only_both_cookies_of_the_exact_names_make_a_token() {
        for cookies in [
            &["jwtPayload=h.p"][..],
            &["jwtSignature=s"],
            &["jwtpayload=h.p; jwtsignature=s"],
            &["xjwtPayload=h.p; jwtSignature=s"],
            &["jwtRefreshToken=h.p.s"],
            &["jwtPayload=; jwtSignature="],
            &["jwtPayload=h p; jwtSignature=s"],
        ] {
            assert_eq!(found(None, cookies), None, "{cookies:?}");
        }
        assert_eq!(
            found(None, &["jwtSignature=s", "a=b; jwtPayload=h.p"])
                .unwrap()
                .0,
            "h.p.s",
            "two header lines"
        );
    }

    #[test]
    fn a_login_cookie_is_seen_even_beside_a_header() {
        assert!(has_login_cookie(&headers(
            Some("Bearer a"),
            &["jwtPayload=h.p"]
        )));
        assert!(!has_login_cookie(&headers(
            Some("Bearer a"),
            &["theme=dark"]
        )));
    }

    #[test]
    fn claims_are_read_where_they_can_be() {
        // {"exp":1700000000,"sub":"alice"}
        let token = SecretString::from("h.eyJleHAiOjE3MDAwMDAwMDAsInN1YiI6ImFsaWNlIn0.s");
        assert_eq!(Claims::of(&token).exp_secs(), Some(1_700_000_000));
        assert_eq!(Claims::of(&token).sub.as_deref(), Some("alice"));
        for bad in ["", "x", "a.b.c", "a.e30.c", "a.bnVsbA.c"] {
            assert_eq!(
                Claims::of(&SecretString::from(bad)).exp_secs(),
                None,
                "{bad}"
            );
        }
    }
}
