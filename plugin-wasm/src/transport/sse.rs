//! Server-sent events, cut out of a byte stream as WHATWG's "event stream interpretation" has it.
//!
//! Any split of the bytes gives the same frames. Lines end in LF, CRLF or CR; comments, `event:` and `retry:` are skipped.

/// Longest frame that is kept in memory, bytes. The relay bounds its events far below.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// One event of the stream that carried data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The frame's own `id:`; a frame without one has none (the relay's unstored events).
    pub seq: Option<u64>,
    pub data: String,
}

/// The stream broke the rules; it must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameTooLarge;

#[derive(Debug, Default)]
pub struct SseParser {
    /// The line that is not yet complete.
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    seq: Option<u64>,
    /// The last line ended in CR: a LF right after it belongs to it.
    after_cr: bool,
    /// Something was read, so a byte order mark can't come any more.
    begun: bool,
}

impl SseParser {
    /// Takes the next bytes and gives every frame that they complete to `each`, in order.
    ///
    /// # Errors
    /// [`FrameTooLarge`] once a line or frame passes [`MAX_FRAME_BYTES`].
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Frame),
    ) -> Result<(), FrameTooLarge> {
        while !bytes.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if let Some(rest) = bytes.strip_prefix(b"\n") {
                    bytes = rest;
                    continue;
                }
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                return self.check_size();
            };
            let (head, tail) = bytes.split_at(end);
            self.after_cr = tail.first() == Some(&b'\r');
            bytes = tail.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.end_line(head, &mut each);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.end_line(&line, &mut each);
                line.clear();
                self.line = line;
            }
            self.check_size()?;
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), FrameTooLarge> {
        if self.line.len() + self.data.len() > MAX_FRAME_BYTES {
            Err(FrameTooLarge)
        } else {
            Ok(())
        }
    }

    fn end_line(&mut self, line: &[u8], each: &mut impl FnMut(Frame)) {
        let line = if self.begun {
            line
        } else {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        self.begun = true;
        if line.is_empty() {
            self.end_frame(each);
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"id" => {
                self.seq = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok())
            }
            _ => {}
        }
    }

    fn end_frame(&mut self, each: &mut impl FnMut(Frame)) {
        let seq = self.seq.take();
        if !std::mem::take(&mut self.has_data) {
            return;
        }
        let data = match String::from_utf8(std::mem::take(&mut self.data)) {
            Ok(data) => data,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        each(Frame { seq, data });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(parts: &[&[u8]]) -> Vec<Frame> {
        let mut parser = SseParser::default();
        let mut out = Vec::new();
        for part in parts {
            parser
                .push(part, |frame| out.push(frame))
                .expect("within bounds");
        }
        out
    }

    #[test]
    fn reads_frames_comments_and_multi_line_data() {
        let got = frames(&[b": hello\n\nid: 7\nevent: x\ndata: a\ndata:b\n\ndata: c\n\nid: 9\n\n"]);
        assert_eq!(
            got,
            [
                Frame {
                    seq: Some(7),
                    data: "a\nb".into()
                },
                Frame {
                    seq: None,
                    data: "c".into()
                },
            ]
        );
    }

    #[test]
    fn any_split_and_any_line_end_give_the_same_frames() {
        let text = "\u{feff}id: 1\ndata: {\"x\":\"é😀\"}\n\n:c\n\nid:2\ndata\ndata: z\n\n";
        let whole = frames(&[text.as_bytes()]);
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[1].data, "\nz");
        for end in ["\n", "\r\n", "\r"] {
            let bytes = text.replace('\n', end).into_bytes();
            for cut in 0..bytes.len() {
                for second in cut..bytes.len() {
                    let parts = [&bytes[..cut], &bytes[cut..second], &bytes[second..]];
                    assert_eq!(frames(&parts), whole, "{end:?} {cut} {second}");
                }
            }
        }
    }

    #[test]
    fn an_unfinished_frame_is_not_given_out() {
        assert!(frames(&[b"data: a\n"]).is_empty());
    }

    #[test]
    fn an_endless_frame_is_refused() {
        let mut parser = SseParser::default();
        let chunk = vec![b'x'; 1024 * 1024];
        let mut result = Ok(());
        for _ in 0..9 {
            result = result.and_then(|()| parser.push(&chunk, |_| {}));
        }
        assert_eq!(result, Err(FrameTooLarge));
    }
}
