//! The asking user's Perses token, for as long as a run needs it. In memory only.

use secrecy::SecretString;

/// What a run shows to Perses. Has no `Debug` on purpose; the token is zeroed when the last copy is dropped.
#[derive(Clone)]
pub struct Credentials {
    /// Without the word `Bearer`. Absent at a Perses without authentication.
    pub token: Option<SecretString>,
    /// The token's own `exp`, in UTC seconds, unverified: good for giving up early, never for letting anybody in.
    pub exp_secs: Option<i64>,
}

impl Credentials {
    /// For a Perses without authentication.
    #[must_use]
    pub fn none() -> Self {
        Self {
            token: None,
            exp_secs: None,
        }
    }

    #[must_use]
    pub fn bearer(token: SecretString, exp_secs: Option<i64>) -> Self {
        Self {
            token: Some(token),
            exp_secs,
        }
    }

    /// Whether the token says of itself that it is over at `now_secs`.
    #[must_use]
    pub fn is_expired(&self, now_secs: i64) -> bool {
        self.exp_secs.is_some_and(|exp| exp <= now_secs)
    }
}
