//! Ids: at most 128 of `[A-Za-z0-9_-]`, chosen by clients (conversation, run) or the relay (the rest).

/// Longest id that is accepted.
pub const MAX_ID_LEN: usize = 128;

/// Whether `id` may name a conversation, run, message or tool call.
#[must_use]
pub fn is_valid_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_ID_LEN
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::is_valid_id;

    #[test]
    fn ids_are_short_and_plain() {
        assert!(is_valid_id("c_01-Ab"));
        assert!(is_valid_id(&"a".repeat(128)));
        for bad in ["", "a b", "a/b", "..", "ä", "a%2f", &"a".repeat(129)] {
            assert!(!is_valid_id(bad), "{bad}");
        }
    }
}
