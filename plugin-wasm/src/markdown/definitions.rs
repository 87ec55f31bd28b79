//! Link reference definitions that lie before the text being parsed.
//!
//! A block is parsed without the blocks before it, but `[label]` in it may mean a definition up there. So the known
//! definitions are written, in a form that reads the same everywhere, in front of what the parser gets.

use super::tree::Definition;
use std::fmt::Write;

#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// The definitions as markdown, ending with a blank line; empty if there are none.
    pub prefix: String,
}

impl Definitions {
    pub fn len(&self) -> usize {
        self.prefix.len()
    }

    /// Forgets what was added since [`len`](Self::len) was `len`.
    pub fn truncate(&mut self, len: usize) {
        self.prefix.truncate(len);
    }

    /// Adds definitions that the parser found behind the present prefix: so none of them is known yet.
    pub fn extend(&mut self, found: &[Definition]) {
        for definition in found {
            // The label is source text already.
            let _ = write!(self.prefix, "[{}]: <", definition.label);
            escape(&definition.destination, &mut self.prefix);
            self.prefix.push('>');
            if let Some(title) = &definition.title {
                self.prefix.push_str(" \"");
                escape(title, &mut self.prefix);
                self.prefix.push('"');
            }
            self.prefix.push_str("\n\n");
        }
    }
}

/// Whatever could mean something becomes a character reference.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '/' | ':' | '.' | '-' | ' ') {
            out.push(c);
        } else {
            let _ = write!(out, "&#{};", c as u32);
        }
    }
}
