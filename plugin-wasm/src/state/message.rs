//! The messages of a conversation: what was asked, and what a run answered, piece by piece.

use persai_protocol::evidence::DatasourceSelector;

use crate::markdown::{LinkPolicy, MarkdownStream};
use crate::view::{MessageState, MessageView, Part, Patch, Speaker, TroubleView, ViewNode};

#[derive(Debug)]
pub enum Message {
    Question(Question),
    Answer(Answer),
}

#[derive(Debug)]
pub struct Question {
    pub id: String,
    pub run_id: String,
    pub text: String,
    pub state: MessageState,
    pub trouble: Option<TroubleView>,
    pub at_ms: i64,
    pub dirty: bool,
}

/// All that one run wrote.
#[derive(Debug)]
pub struct Answer {
    pub id: String,
    pub run_id: String,
    pub state: MessageState,
    pub pieces: Vec<Piece>,
    pub trouble: Option<TroubleView>,
    pub at_ms: i64,
    /// First of the asked ones.
    pub datasource: Option<DatasourceSelector>,
    /// Numbers the markdown keys; never reused.
    next_text: u32,
    pub dirty: bool,
}

#[derive(Debug)]
pub enum Piece {
    Text(Box<TextPiece>),
    Tool(String),
    Notice { text: String, hint: Option<String> },
}

/// The text of one AG-UI message.
#[derive(Debug)]
pub struct TextPiece {
    pub message_id: String,
    key: String,
    stream: MarkdownStream,
    open: bool,
    /// The shim knows of its key.
    announced: bool,
    /// It has changes that the shim has not seen.
    dirty: bool,
}

impl Question {
    pub fn view(&self) -> MessageView {
        MessageView {
            id: self.id.clone(),
            from: Speaker::User,
            state: self.state,
            parts: vec![Part::Text {
                text: self.text.clone(),
            }],
            source: Some(self.text.clone()),
            trouble: self.trouble.clone(),
            at_ms: self.at_ms,
        }
    }
}

impl Answer {
    pub fn new(run_id: String, at_ms: i64) -> Self {
        Self {
            id: format!("answer-{run_id}"),
            run_id,
            state: MessageState::Streaming,
            pieces: Vec::new(),
            trouble: None,
            at_ms,
            datasource: None,
            next_text: 0,
            dirty: true,
        }
    }

    pub fn begin_text(&mut self, message_id: String, policy: &LinkPolicy) {
        let key = format!("md/{}/{}", self.id, self.next_text);
        self.next_text += 1;
        self.pieces.push(Piece::Text(Box::new(TextPiece {
            message_id,
            key,
            stream: MarkdownStream::new(policy.clone()),
            open: true,
            announced: false,
            dirty: false,
        })));
    }

    /// Adds text to the open piece of `message_id`; without one (a foreign stream) it begins one. Whether that was all
    /// that changed: the first text of a piece makes it a part of the message.
    pub fn add_text(&mut self, message_id: &str, delta: &str, policy: &LinkPolicy) -> bool {
        if delta.is_empty() {
            return true;
        }
        if self.open_text(message_id).is_none() {
            self.begin_text(message_id.to_owned(), policy);
        }
        let Some(text) = self.open_text(message_id) else {
            return false;
        };
        let first = text.stream.source().is_empty();
        text.stream.push(delta);
        text.dirty = true;
        self.dirty |= first;
        !first
    }

    pub fn end_text(&mut self, message_id: &str) {
        if let Some(text) = self.open_text(message_id) {
            text.close();
        }
    }

    /// Closes what is open; the run says nothing more.
    pub fn settle(&mut self, state: MessageState, trouble: Option<TroubleView>) {
        for text in self.texts() {
            text.close();
        }
        self.state = state;
        self.trouble = trouble;
        self.dirty = true;
    }

    pub fn is_writing(&self) -> bool {
        self.pieces.iter().rev().any(|piece| matches!(piece, Piece::Text(text) if text.open && !text.stream.source().is_empty()))
    }

    /// Takes out the texts of these messages; the keys that are gone are given to `removed`.
    pub fn remove_texts(&mut self, messages: &[String], removed: &mut Vec<String>) {
        self.pieces.retain(|piece| match piece {
            Piece::Text(text) if messages.contains(&text.message_id) => {
                removed.push(text.key.clone());
                false
            }
            _ => true,
        });
        self.dirty = true;
    }

    pub fn remove_tools(&mut self, tools: &[String]) {
        self.pieces
            .retain(|piece| !matches!(piece, Piece::Tool(id) if tools.contains(id)));
        self.dirty = true;
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.key.as_str()),
            _ => None,
        })
    }

    /// Gives out the changes of its texts, before the message itself.
    pub fn drain_texts(&mut self, patches: &mut Vec<Patch>) {
        for text in self.texts() {
            text.drain(patches);
        }
    }

    /// Every text is given out whole at the next drain. Its tree is built anew, so that later changes fit to it.
    pub fn forget_shown(&mut self, policy: &LinkPolicy) {
        for text in self.texts() {
            text.rebuild(policy);
        }
        self.dirty = true;
    }

    pub fn view(&self) -> MessageView {
        let settled = self.state != MessageState::Streaming;
        MessageView {
            id: self.id.clone(),
            from: Speaker::Assistant,
            state: self.state,
            parts: self.pieces.iter().filter_map(Piece::part).collect(),
            source: settled.then(|| self.source()),
            trouble: self.trouble.clone(),
            at_ms: self.at_ms,
        }
    }

    fn source(&self) -> String {
        let texts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => {
                Some(text.stream.source().trim_end()).filter(|source| !source.is_empty())
            }
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n\n")
    }

    fn texts(&mut self) -> impl Iterator<Item = &mut TextPiece> {
        self.pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Text(text) => Some(&mut **text),
            _ => None,
        })
    }

    fn open_text(&mut self, message_id: &str) -> Option<&mut TextPiece> {
        self.pieces.iter_mut().rev().find_map(|piece| match piece {
            Piece::Text(text) if text.open && text.message_id == message_id => Some(&mut **text),
            _ => None,
        })
    }
}

impl Piece {
    /// A text that has said nothing yet is no part.
    fn part(&self) -> Option<Part> {
        match self {
            Self::Text(text) if text.stream.source().is_empty() => None,
            Self::Text(text) => Some(Part::Markdown {
                key: text.key.clone(),
            }),
            Self::Tool(id) => Some(Part::Tool {
                tool_call_id: id.clone(),
            }),
            Self::Notice { text, hint } => Some(Part::Notice {
                text: text.clone(),
                hint: hint.clone(),
            }),
        }
    }
}

impl TextPiece {
    fn close(&mut self) {
        if self.open {
            self.open = false;
            self.stream.finish();
            self.dirty |= !self.stream.source().is_empty();
        }
    }

    fn drain(&mut self, patches: &mut Vec<Patch>) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        if !std::mem::replace(&mut self.announced, true) {
            patches.push(Patch::Set {
                key: self.key.clone(),
                value: ViewNode::Markdown,
            });
        }
        let ops = self.stream.take_ops();
        if !ops.is_empty() {
            patches.push(Patch::Md {
                key: self.key.clone(),
                ops,
            });
        }
    }

    fn rebuild(&mut self, policy: &LinkPolicy) {
        let mut stream = MarkdownStream::new(policy.clone());
        stream.push(self.stream.source());
        if !self.open {
            stream.finish();
        }
        self.stream = stream;
        self.announced = false;
        self.dirty = !self.stream.source().is_empty();
    }
}
