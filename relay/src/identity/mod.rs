//! Who asks. Start with [`Identity::caller`].
//!
//! - [`token`]: the token that a request presents.
//! - [`perses`]: whose it is, as Perses says.
//! - [`owner`]: whom stored objects belong to; [`credentials`]: what Perses is shown.

pub mod credentials;
pub mod owner;
pub mod perses;
pub mod token;

use http::HeaderMap;
use persai_protocol::error::ErrorCode;
use persai_protocol::id::is_valid_id;
use persai_protocol::rest::Authentication;

pub use credentials::Credentials;
pub use owner::{Owner, OwnerKind};
pub use perses::{Freshness, PersesIdentity};

use crate::error::ApiError;
use crate::perses::PersesClient;
use perses::token_expired;

/// A random key of the browser's, at a Perses without authentication.
pub const BROWSER_KEY_HEADER: &str = "x-persai-browser";
const MIN_BROWSER_KEY_LEN: usize = 16;

/// The asking user and what Perses is shown in their name.
pub struct Caller {
    pub owner: Owner,
    pub credentials: Credentials,
}

pub struct Identity {
    perses: PersesIdentity,
}

impl Identity {
    #[must_use]
    pub fn new(client: PersesClient, freshness: Freshness) -> Self {
        Self {
            perses: PersesIdentity::new(client, freshness),
        }
    }

    /// Who sends these headers.
    ///
    /// # Errors
    /// `persesTokenExpired`, `persesUnreachable`, or `browserKeyRequired` at a Perses without authentication.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        if !self.perses.authenticates().await? {
            return Ok(Caller {
                owner: browser(headers)?,
                credentials: Credentials::none(),
            });
        }
        let presented = token::presented(headers).ok_or_else(token_expired)?;
        let name = self.perses.user_of(&presented.token).await?;
        Ok(Caller {
            owner: Owner::user(name),
            credentials: presented.credentials(),
        })
    }

    /// For the capabilities: how users are told apart, and who asks where that is known.
    pub async fn describe(&self, headers: &HeaderMap) -> (Authentication, Option<String>) {
        match self.perses.authenticates().await {
            Err(_) => (Authentication::Unknown, None),
            Ok(false) => (Authentication::None, None),
            Ok(true) => {
                let user = match token::presented(headers) {
                    Some(presented) => self.perses.user_of(&presented.token).await.ok(),
                    None => None,
                };
                (Authentication::Perses, user)
            }
        }
    }

    #[must_use]
    pub fn perses(&self) -> &PersesIdentity {
        &self.perses
    }
}

fn browser(headers: &HeaderMap) -> Result<Owner, ApiError> {
    headers
        .get(BROWSER_KEY_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|key| key.len() >= MIN_BROWSER_KEY_LEN && is_valid_id(key))
        .map(Owner::browser)
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::BrowserKeyRequired,
                "This Perses has no authentication, so the relay needs a key that tells your browser from others.",
            )
            .hint("Send X-PersAI-Browser with 16 to 128 random characters of A-Z, a-z, 0-9, _ and -.")
        })
}
