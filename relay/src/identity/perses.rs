//! Asks Perses who asks us: whether it authenticates at all, and whose a token is.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use persai_protocol::error::ErrorCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Credentials;
use super::token::Claims;
use crate::error::ApiError;
use crate::perses::PersesClient;
use crate::perses::calls::{Call, Segment};
use crate::perses::client::{API_LIMITS, Reply};

/// How long an answer of Perses is believed.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// Whose a token is; never past the token's own `exp`.
    pub whoami: Duration,
    /// Whether authentication is on.
    pub config: Duration,
    /// That Perses could not be asked, so that an outage is not made worse.
    pub outage: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            whoami: Duration::from_secs(30),
            config: Duration::from_secs(60),
            outage: Duration::from_secs(1),
        }
    }
}

/// More tokens than this are not remembered.
const MAX_KNOWN_TOKENS: usize = 10_000;

pub struct PersesIdentity {
    client: PersesClient,
    freshness: Freshness,
    users: Mutex<HashMap<TokenHash, KnownUser>>,
    authentication: tokio::sync::Mutex<Option<(Instant, Result<bool, ApiError>)>>,
}

type TokenHash = [u8; 32];

struct KnownUser {
    name: String,
    until: Instant,
}

impl PersesIdentity {
    #[must_use]
    pub fn new(client: PersesClient, freshness: Freshness) -> Self {
        Self {
            client,
            freshness,
            users: Mutex::default(),
            authentication: tokio::sync::Mutex::default(),
        }
    }

    /// Whether Perses authenticates its users.
    ///
    /// # Errors
    /// `persesUnreachable`: then nobody is let in, whatever was known before.
    pub async fn authenticates(&self) -> Result<bool, ApiError> {
        self.authenticates_within(self.freshness.config).await
    }

    /// The same, from an answer that is at most `max_age` old.
    ///
    /// # Errors
    /// As [`PersesIdentity::authenticates`].
    pub async fn authenticates_within(&self, max_age: Duration) -> Result<bool, ApiError> {
        // Held while asking: the others wait for the one answer.
        let mut known = self.authentication.lock().await;
        if let Some((at, answer)) = &*known {
            let max_age = if answer.is_ok() {
                max_age.min(self.freshness.config)
            } else {
                self.freshness.outage
            };
            if at.elapsed() < max_age {
                return answer.clone();
            }
        }
        let answer = self.ask_config().await;
        *known = Some((Instant::now(), answer.clone()));
        answer
    }

    async fn ask_config(&self) -> Result<bool, ApiError> {
        #[derive(Deserialize)]
        struct Config {
            security: Security,
        }
        #[derive(Deserialize)]
        struct Security {
            enable_auth: bool,
        }
        let reply = self.call(Call::Config, &[], &Credentials::none()).await?;
        if reply.status != StatusCode::OK {
            return Err(unreachable(format!(
                "/api/config answered with {}",
                reply.status
            )));
        }
        serde_json::from_slice::<Config>(&reply.body)
            .map(|config| config.security.enable_auth)
            .map_err(|_| unreachable("/api/config is not an answer of Perses".to_owned()))
    }

    /// The login name that `token` stands for.
    ///
    /// # Errors
    /// `persesTokenExpired` where Perses does not take the token, `persesUnreachable`.
    pub async fn user_of(&self, token: &SecretString) -> Result<String, ApiError> {
        let hash: TokenHash = Sha256::digest(token.expose_secret().as_bytes()).into();
        if let Some(name) = self.known_user(&hash) {
            return Ok(name);
        }
        let claims = Claims::of(token);
        let name = self.ask_whoami(token, &claims).await?;
        self.remember(hash, &name, &claims);
        Ok(name)
    }

    async fn ask_whoami(&self, token: &SecretString, claims: &Claims) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct User {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
        }
        let credentials = Credentials::bearer(token.clone(), claims.exp_secs());
        let reply = self.call(Call::Whoami, &[], &credentials).await?;
        match reply.status {
            StatusCode::OK => match serde_json::from_slice::<User>(&reply.body) {
                Ok(user) if !user.metadata.name.is_empty() => Ok(user.metadata.name),
                _ => Err(unreachable("whoami is not an answer of Perses".to_owned())),
            },
            StatusCode::NOT_FOUND => self.ask_permissions(&credentials, claims).await,
            status => Err(refused_or_unreachable(status, "whoami")),
        }
    }

    /// Perses 0.52 has no whoami, but tells nobody another user's permissions.
    async fn ask_permissions(
        &self,
        credentials: &Credentials,
        claims: &Claims,
    ) -> Result<String, ApiError> {
        let name = claims.sub.clone().ok_or_else(token_expired)?;
        let segments = [Segment {
            name: "user",
            value: &name,
        }];
        if Call::UserPermissions.path(&segments).is_err() {
            return Err(token_expired());
        }
        let reply = self
            .call(Call::UserPermissions, &segments, credentials)
            .await?;
        match reply.status {
            StatusCode::OK
                if serde_json::from_slice::<serde_json::Map<_, _>>(&reply.body).is_ok() =>
            {
                Ok(name)
            }
            StatusCode::OK => Err(unreachable(
                "the permissions are not an answer of Perses".to_owned(),
            )),
            status => Err(refused_or_unreachable(status, "permissions")),
        }
    }

    async fn call(
        &self,
        call: Call,
        segments: &[Segment<'_>],
        credentials: &Credentials,
    ) -> Result<Reply, ApiError> {
        self.client
            .send(call, segments, &[], credentials, API_LIMITS)
            .await
            .map_err(|error| unreachable(error.to_string()))
    }

    fn known_user(&self, hash: &TokenHash) -> Option<String> {
        let users = self.users.lock().ok()?;
        users
            .get(hash)
            .filter(|user| user.until > Instant::now())
            .map(|user| user.name.clone())
    }

    fn remember(&self, hash: TokenHash, name: &str, claims: &Claims) {
        let left = claims.exp_secs().map_or(self.freshness.whoami, |exp| {
            let exp = UNIX_EPOCH + Duration::from_secs(u64::try_from(exp).unwrap_or(0));
            exp.duration_since(SystemTime::now()).unwrap_or_default()
        });
        let Ok(mut users) = self.users.lock() else {
            return;
        };
        let now = Instant::now();
        if users.len() >= MAX_KNOWN_TOKENS {
            users.retain(|_, user| user.until > now);
        }
        if users.len() < MAX_KNOWN_TOKENS {
            users.insert(
                hash,
                KnownUser {
                    name: name.to_owned(),
                    until: now + left.min(self.freshness.whoami),
                },
            );
        }
    }
}

/// No token, or one that Perses does not take.
#[must_use]
pub fn token_expired() -> ApiError {
    ApiError::new(
        ErrorCode::PersesTokenExpired,
        "Your Perses session has ended or was not sent.",
    )
    .hint("Sign in to Perses again.")
}

fn unreachable(cause: String) -> ApiError {
    ApiError::new(
        ErrorCode::PersesUnreachable,
        "The relay cannot reach Perses, so it cannot tell who you are.",
    )
    .hint("Try again in a moment.")
    .cause(cause)
}

fn refused_or_unreachable(status: StatusCode, what: &str) -> ApiError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            token_expired().cause(format!("Perses answered {what} with {status}"))
        }
        status => unreachable(format!("{what} answered with {status}")),
    }
}
