//! Which links of an answer may be followed. An answer is text that others can influence, so the rule is an allow-list.

/// Allows `http://host…`, `https://host…` and paths on this origin; everything else stays text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkPolicy {
    /// Where the plugin runs, as `location.origin` says: `https://perses.example:8080`.
    pub origin: String,
}

/// A link that may be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedLink {
    pub url: String,
    /// The host with its port, where following the link leaves the origin.
    pub host: Option<String>,
}

impl LinkPolicy {
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
        }
    }

    /// `destination` as markdown gives it, entities and escapes already resolved. `None`: show the link's text only.
    ///
    /// Refused as a whole is whatever two URL parsers could read differently: control characters, backslashes, user info,
    /// hosts that are not plain ASCII, and characters that can't be seen or that turn the reading direction.
    pub fn check(&self, destination: &str) -> Option<AllowedLink> {
        if destination.chars().any(is_deceptive) {
            return None;
        }
        // Inside `<…>` a destination may have spaces; at its ends a browser would drop them, so there they are refused.
        if destination.starts_with(' ') || destination.ends_with(' ') {
            return None;
        }
        let url = destination.replace(' ', "%20");
        if url.starts_with('/') {
            return (!url.starts_with("//")).then_some(AllowedLink { url, host: None });
        }
        let (scheme, rest) = split_scheme(&url)?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let host = normal_authority(scheme, authority)?;
        let same_origin = split_scheme(&self.origin)
            .and_then(|(own_scheme, own)| {
                Some(own_scheme == scheme && normal_authority(own_scheme, own)? == host)
            })
            .unwrap_or(false);
        let host = (!same_origin).then_some(host);
        Some(AllowedLink { url, host })
    }
}

/// The scheme in lower case and what follows `://`.
fn split_scheme(url: &str) -> Option<(&'static str, &str)> {
    ["http", "https"].into_iter().find_map(|scheme| {
        let head = url.get(..scheme.len())?;
        let rest = url[scheme.len()..].strip_prefix("://")?;
        head.eq_ignore_ascii_case(scheme).then_some((scheme, rest))
    })
}

/// Host and port in the form that a browser shows: lower case, without the scheme's own port.
fn normal_authority(scheme: &str, authority: &str) -> Option<String> {
    let authority = authority.to_ascii_lowercase();
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => {
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        _ => (authority.as_str(), None),
    };
    let plain = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        // What is no address at all, the browser refuses.
        Some(v6) => {
            v6.contains(':')
                && v6
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        }
        None => {
            host.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
                && host.bytes().next().is_some_and(|b| b != b'.')
        }
    };
    if !plain {
        return None;
    }
    let own_port = if scheme == "http" { "80" } else { "443" };
    match port {
        None => Some(host.to_owned()),
        Some(port) if port.is_empty() || port == own_port => Some(host.to_owned()),
        Some(port) => port
            .parse::<u16>()
            .ok()
            .map(|port| format!("{host}:{port}")),
    }
}

fn is_deceptive(c: char) -> bool {
    c == '\\'
        || c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}
