//! Tokens of the Perses double: of a JWT's form, with a signature that is right when it is `good`.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub const HOUR: i64 = 3600;

/// A token of `user` that ends in `secs` (negative: it has ended).
pub fn token(user: &str, secs: i64) -> String {
    let claims = json!({"sub": user, "exp": now() + secs});
    format!(
        "{}.{}.good",
        encode(r#"{"alg":"HS512"}"#),
        encode(&claims.to_string())
    )
}

/// `Cookie` as a browser at Perses sends it: all three, and the refresh token is never to be read.
pub fn cookies(token: &str) -> String {
    let (payload, signature) = token.rsplit_once('.').unwrap();
    format!(
        "jwtPayload={payload}; jwtSignature={signature}; jwtRefreshToken=canary-refresh-token; theme=dark"
    )
}

/// The user that Perses would take `token` for.
pub fn user_of(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let alive = claims["exp"].as_i64()? > now();
    (signature == "good" && alive).then(|| claims["sub"].as_str().map(str::to_owned))?
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn now() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap()
}
