//! Who a stored object belongs to.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The owner of conversations and runs: every stored object is keyed by (owner, id).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    kind: OwnerKind,
    /// User name as Perses' whoami gives it, or the hex SHA-256 of a browser's random key.
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// A Perses user.
    User,
    /// A browser, at a Perses without authentication; no claim of privacy.
    Browser,
}

impl Owner {
    /// `name` is whoami's `metadata.name`.
    pub fn user(name: impl Into<String>) -> Self {
        Self {
            kind: OwnerKind::User,
            name: name.into(),
        }
    }

    /// From the random key that a browser made; only its hash is kept.
    #[must_use]
    pub fn browser(key: &str) -> Self {
        Self {
            kind: OwnerKind::Browser,
            name: hex(&Sha256::digest(key.as_bytes())),
        }
    }

    #[must_use]
    pub fn kind(&self) -> OwnerKind {
        self.kind
    }

    /// Login name, where there is one to show.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        (self.kind == OwnerKind::User).then_some(self.name.as_str())
    }

    /// The key for storage: `u:<name>` or `b:<hash>`, so that no browser key can ever equal a user.
    #[must_use]
    pub fn key(&self) -> String {
        match self.kind {
            OwnerKind::User => format!("u:{}", self.name),
            OwnerKind::Browser => format!("b:{}", self.name),
        }
    }

    /// 8 hex digits of a hash of the key, to tell owners apart in the operator's log.
    #[must_use]
    pub fn log_prefix(&self) -> String {
        hex(&Sha256::digest(self.key().as_bytes())[..4])
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn a_browser_key_never_equals_a_user() {
        let browser = Owner::browser("alice-alice-alice");
        assert_ne!(browser.key(), Owner::user("alice-alice-alice").key());
        assert!(!browser.key().contains("alice"));
        assert_eq!(browser.user_name(), None);
        assert_eq!(Owner::user("alice").key(), "u:alice");
        assert_eq!(Owner::user("alice").log_prefix().len(), 8);
    }
}
