//! When text can grow without the parser: characters that mean nothing where they stand go to the last text node.

/// The end of a source whose last leaf is a text that ends there, spaces aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainTail {
    /// Where the text's source ends; behind it there are only spaces, which a paragraph's end does not show.
    text_end: usize,
    /// A letter on the line: it can't become a list marker, a rule, a heading's underline or a table's second row.
    letter: bool,
    /// `&` on the line: `;` could end a character reference.
    reference: bool,
    /// `[` in the open text: `)` could end a link.
    bracket: bool,
    /// `<` in the open text: `>` could end a tag.
    angle: bool,
}

impl PlainTail {
    /// `open`: the text that the parser read, without what is settled, at `start` of the source.
    /// `text_end`: the end of its last leaf, a text, if so it is.
    pub fn of(open: &str, start: usize, text_end: Option<usize>) -> Option<Self> {
        let text_end = text_end?;
        let text = open.get(..text_end - start)?;
        if !open[text.len()..].bytes().all(|b| b == b' ') {
            return None;
        }
        let line = &text[text.rfind(['\n', '\r']).map_or(0, |end| end + 1)..];
        // A tag at a line's start opens an HTML block; what may become a definition is not a paragraph's text for long.
        if line.contains('<') || has_definition_mark(text) {
            return None;
        }
        let tail = Self {
            text_end,
            letter: line.chars().any(is_letter),
            reference: line.contains('&'),
            bracket: text.contains('['),
            angle: text.contains('<'),
        };
        // The text's last character must be plain itself: it stays the neighbour of any delimiter before it.
        let last = text.chars().next_back()?;
        tail.is_plain(last, tail.letter).then_some(tail)
    }

    /// The part of `source` by which the text grows, if everything behind the text is plain.
    pub fn grow<'s>(&mut self, source: &'s str, shown: usize) -> Option<&'s str> {
        let mut letter = self.letter;
        for c in source[shown..].chars() {
            if c != ' ' && !self.is_plain(c, letter) {
                return None;
            }
            letter |= is_letter(c);
        }
        let growth = source[self.text_end..].trim_end_matches(' ');
        self.letter = letter;
        self.text_end += growth.len();
        Some(growth)
    }

    fn is_plain(&self, c: char, letter: bool) -> bool {
        match c {
            _ if c.is_ascii_alphanumeric() => true,
            _ if !c.is_ascii() => c.is_alphanumeric(),
            '.' | ',' | '-' | '+' | '=' | ':' | '/' | '%' | '?' | '!' | '@' | '$' | '^' | '{'
            | '}' => letter,
            ';' => letter && !self.reference,
            '(' | ')' | '"' | '\'' => letter && !self.bracket,
            '>' => letter && !self.angle,
            _ => false,
        }
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic()
}

/// No link reference definition is without it.
pub(super) fn has_definition_mark(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == b"]:")
}
