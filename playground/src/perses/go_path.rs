//! Paths as Perses' proxy passes them on (seen at 0.53): what Go's URL type would have written itself goes on as it came;
//! an escape that Go would have written otherwise, such as `%2F`, is escaped a second time and arrives as `%252F`.

/// The path as the proxy sees it: it compares `allowedEndpoints` with this.
#[must_use]
pub fn seen(raw: &str) -> String {
    let decoded = decode(raw);
    if escape(&decoded) == raw.as_bytes() {
        String::from_utf8_lossy(&decoded).into_owned()
    } else {
        raw.to_owned()
    }
}

/// The path as the upstream gets it.
#[must_use]
pub fn sent(seen: &str) -> String {
    String::from_utf8_lossy(&escape(seen.as_bytes())).into_owned()
}

fn decode(raw: &str) -> Vec<u8> {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn escape(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{seen, sent};

    #[test]
    fn what_go_would_not_write_is_escaped_twice() {
        for (raw, upstream) in [
            ("/api/v1/label/job/values", "/api/v1/label/job/values"),
            ("/a%20b", "/a%20b"),
            ("/a%2Fb", "/a%252Fb"),
            ("/a%2fb", "/a%252fb"),
            ("/a%2F%20", "/a%252F%2520"),
            ("/a:b;c", "/a:b;c"),
        ] {
            assert_eq!(sent(&seen(raw)), upstream, "{raw}");
        }
        assert_eq!(seen("/a%20b"), "/a b");
    }
}
