//! Perses' tokens: JWT, HS512, `header.payload` readable by anybody who holds it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha512;

use crate::record::now_ms;

/// Keys of the stand-in; they protect nothing.
const ACCESS_KEY: &[u8] = b"persai-playground-signing-key-01";
const REFRESH_KEY: &[u8] = b"persai-playground-signing-key-01-refresh";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Provider id; empty for native users.
    pub pid: String,
    /// Provider kind.
    pub pkd: String,
    /// Login name.
    pub sub: String,
    /// Seconds since 1970.
    pub exp: u64,
    pub nbf: u64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Access,
    Refresh,
}

/// Why a token is not taken; Perses says the same of all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidToken;

#[derive(Debug, Clone)]
pub struct Signer {
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
}

impl Signer {
    #[must_use]
    pub fn new(access_ttl: Duration, refresh_ttl: Duration) -> Self {
        Self {
            access_ttl,
            refresh_ttl,
        }
    }

    #[must_use]
    pub fn ttl(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Access => self.access_ttl,
            Kind::Refresh => self.refresh_ttl,
        }
    }

    /// A new token of `login`.
    #[must_use]
    pub fn issue(&self, kind: Kind, login: &str) -> String {
        let now = now_ms() / 1000;
        let claims = Claims {
            pid: String::new(),
            pkd: "native".into(),
            sub: login.into(),
            exp: now + self.ttl(kind).as_secs(),
            nbf: now,
        };
        // Plain structs of strings and numbers: serialising them cannot fail.
        let header = br#"{"alg":"HS512","typ":"JWT"}"#;
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = URL_SAFE_NO_PAD.encode(mac(kind, &signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Checks algorithm, signature, `exp` and `nbf`.
    ///
    /// # Errors
    /// Any of these does not hold.
    pub fn read(&self, kind: Kind, token: &str) -> Result<Claims, InvalidToken> {
        let (signed, signature) = token.rsplit_once('.').ok_or(InvalidToken)?;
        let (header, payload) = signed.split_once('.').ok_or(InvalidToken)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| InvalidToken)?;
        if header.alg != "HS512" {
            return Err(InvalidToken);
        }
        mac(kind, signed)
            .verify_slice(&decode(signature)?)
            .map_err(|_| InvalidToken)?;
        let claims: Claims = serde_json::from_slice(&decode(payload)?).map_err(|_| InvalidToken)?;
        let now = now_ms() / 1000;
        if claims.exp <= now || claims.nbf > now {
            return Err(InvalidToken);
        }
        Ok(claims)
    }
}

fn mac(kind: Kind, signed: &str) -> Hmac<Sha512> {
    let key = match kind {
        Kind::Access => ACCESS_KEY,
        Kind::Refresh => REFRESH_KEY,
    };
    // HMAC takes keys of any length.
    let mut mac =
        Hmac::<Sha512>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn signer(access_secs: u64) -> Signer {
        Signer::new(Duration::from_secs(access_secs), Duration::from_secs(60))
    }

    #[test]
    fn a_token_is_read_back_and_a_changed_one_is_not() {
        let signer = signer(60);
        let token = signer.issue(Kind::Access, "alice");
        assert_eq!(signer.read(Kind::Access, &token).unwrap().sub, "alice");
        assert_eq!(
            signer.read(Kind::Refresh, &token),
            Err(InvalidToken),
            "another key"
        );
        let mut parts: Vec<&str> = token.split('.').collect();
        let other = signer.issue(Kind::Access, "bob");
        parts[1] = other.split('.').nth(1).unwrap();
        assert_eq!(
            signer.read(Kind::Access, &parts.join(".")),
            Err(InvalidToken)
        );
        for garbage in ["", ".", "..", "a.b.c", "a.b"] {
            assert_eq!(
                signer.read(Kind::Access, garbage),
                Err(InvalidToken),
                "{garbage}"
            );
        }
    }

    #[test]
    fn an_expired_token_is_refused() {
        let signer = signer(0);
        assert_eq!(
            signer.read(Kind::Access, &signer.issue(Kind::Access, "alice")),
            Err(InvalidToken)
        );
    }
}
