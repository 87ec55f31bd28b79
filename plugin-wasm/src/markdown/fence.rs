//! The scanner of an open fenced code block: its text is copied, line by line, without the parser.
//!
//! Only for fences in the first column, where the content lines are taken as they are, and for lines that end in `\n`.

/// An open fence at the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenFence {
    mark: u8,
    length: usize,
    /// Where the content starts, then where the last line that is not complete starts.
    line: usize,
    content: usize,
}

/// What the fence looks like up to some place.
pub(super) enum FenceState {
    /// The content reaches up to here; a last line that closes the fence is not content.
    Open { content_end: usize },
    /// Content up to `content_end`, the closing line with its end up to `end`.
    Closed { content_end: usize, end: usize },
    /// Something that only the parser can judge.
    Unknown,
}

impl OpenFence {
    /// Reads the opening line at `start`, which has to be complete.
    pub fn at(source: &str, start: usize) -> Option<Self> {
        let line = source[start..].split_once('\n')?.0;
        let mark = *line
            .as_bytes()
            .first()
            .filter(|b| matches!(b, b'`' | b'~'))?;
        let length = line.bytes().take_while(|b| *b == mark).count();
        let usable =
            length >= 3 && !line.contains('\r') && !(mark == b'`' && line[length..].contains('`'));
        let content = start + line.len() + 1;
        usable.then_some(Self {
            mark,
            length,
            line: content,
            content,
        })
    }

    /// Where the content starts.
    pub fn content(&self) -> usize {
        self.content
    }

    /// Reads on to the end of `source`.
    pub fn read(&mut self, source: &str) -> FenceState {
        loop {
            let rest = &source[self.line..];
            let (line, complete) = match rest.split_once('\n') {
                Some((line, _)) => (line, true),
                None => (rest, false),
            };
            if line.contains('\r') {
                return FenceState::Unknown;
            }
            match (self.closes(line), complete) {
                // The parser shows no last line that is nothing but indentation so far.
                (false, false) if line.len() < 4 && line.bytes().all(|b| b == b' ') => {
                    return FenceState::Open {
                        content_end: self.line,
                    };
                }
                (true, true) => {
                    return FenceState::Closed {
                        content_end: self.line,
                        end: self.line + line.len() + 1,
                    };
                }
                (true, false) => {
                    return FenceState::Open {
                        content_end: self.line,
                    };
                }
                (false, false) => {
                    return FenceState::Open {
                        content_end: source.len(),
                    };
                }
                (false, true) => self.line += line.len() + 1,
            }
        }
    }

    fn closes(&self, line: &str) -> bool {
        let bytes = line.as_bytes();
        let indent = bytes.iter().take_while(|b| **b == b' ').count();
        let marks = bytes[indent..]
            .iter()
            .take_while(|b| **b == self.mark)
            .count();
        indent < 4
            && marks >= self.length
            && bytes[indent + marks..]
                .iter()
                .all(|b| matches!(b, b' ' | b'\t'))
    }
}
