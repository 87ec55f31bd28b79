//! Text that came from outside, made harmless to show to a model: no control or bidi characters, no endless lines, and
//! quoted where it stands among our own words.

/// `text` on one line, cut at `max_chars`, with control, bidi and invisible characters replaced by `·`.
#[must_use]
pub fn line(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    for (taken, c) in text.chars().enumerate() {
        if taken == max_chars {
            out.push('…');
            break;
        }
        out.push(match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_hidden(c) => '·',
            c => c,
        });
    }
    out
}

/// [`line`] in double quotes, quotes and backslashes escaped, backticks softened.
#[must_use]
pub fn quoted(text: &str, max_chars: usize) -> String {
    let inner = line(text, max_chars)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('`', "'");
    format!("\"{inner}\"")
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{line, quoted};

    #[test]
    fn hidden_characters_do_not_pass() {
        assert_eq!(line("a\u{202e}b\u{0}c\u{e0041}d\ne", 99), "a·b·c·d e");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(quoted("say \"`x`\" \\", 99), "\"say \\\"'x'\\\" \\\\\"");
    }
}
