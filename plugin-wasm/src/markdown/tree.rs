//! The parser's events → [`MdNode`]s.

use super::LinkPolicy;
use crate::view::{MdKind, MdNode};
use pulldown_cmark::{Alignment, CodeBlockKind, Event, OffsetIter, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// Containers inside containers beyond this are left out and their content moves up: nothing an answer says needs them,
/// and a renderer that recurses must not be brought down by ten thousand `>`.
const MAX_DEPTH: usize = 48;

/// One whole text → its tree.
pub fn parse(text: &str, policy: &LinkPolicy) -> Vec<MdNode> {
    Parsed::of(text, 0, policy).nodes
}

/// What one run of the parser tells.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub nodes: Vec<MdNode>,
    /// Source range of each top-level node.
    pub ranges: Vec<Range<usize>>,
    /// Source range of each child of the last top-level node.
    pub children: Vec<Range<usize>>,
    /// Where the source of the last text ends, if that text is the tree's very last leaf: it is what may just grow.
    pub tail_text_end: Option<usize>,
    /// Link reference definitions at and after `skip`, in source order.
    pub definitions: Vec<Definition>,
}

/// A link reference definition. Two are equal if they say the same, wherever they stand.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub label: String,
    pub destination: String,
    pub title: Option<String>,
    pub range: Range<usize>,
}

impl PartialEq for Definition {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label
            && self.destination == other.destination
            && self.title == other.title
    }
}

impl Parsed {
    /// Parses `text`, whose first `skip` bytes hold nothing but known definitions. All ranges count from `skip`.
    pub fn of(text: &str, skip: usize, policy: &LinkPolicy) -> Self {
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let parser = Parser::new_ext(text, options);
        let mut definitions: Vec<Definition> = Vec::new();
        for (label, definition) in parser.reference_definitions().iter() {
            if definition.span.start < skip {
                continue;
            }
            let range = definition.span.start - skip..definition.span.end - skip;
            // They come in no order; they are few.
            let at = definitions.partition_point(|other| other.range.start < range.start);
            let definition = Definition {
                label: label.to_owned(),
                destination: definition.dest.to_string(),
                title: definition.title.as_ref().map(|title| title.to_string()),
                range,
            };
            definitions.insert(at, definition);
        }
        let mut builder = Builder {
            policy,
            skip,
            open: Vec::new(),
            unlisted: 0,
            parsed: Parsed::default(),
        };
        builder.run(parser.into_offset_iter());
        Parsed {
            definitions,
            ..builder.parsed
        }
    }
}

struct Builder<'p> {
    policy: &'p LinkPolicy,
    skip: usize,
    /// Nodes whose end has not come yet, outermost first.
    open: Vec<MdNode>,
    /// Containers open beyond [`MAX_DEPTH`].
    unlisted: usize,
    parsed: Parsed,
}

impl Builder<'_> {
    fn run(&mut self, events: OffsetIter<'_>) {
        for (event, range) in events {
            let range = range.start.saturating_sub(self.skip)..range.end.saturating_sub(self.skip);
            match event {
                Event::Start(tag) => self.start(tag, range),
                Event::End(tag) => self.end(tag),
                Event::Text(text) => self.text(&text, range),
                Event::Code(code) => self.leaf(MdKind::CodeSpan, &code, range),
                Event::InlineHtml(html) => self.leaf(MdKind::InlineHtml, &html, range),
                Event::Html(html) => match self.open.last_mut() {
                    Some(block) if block.t == MdKind::Html => block.x.push_str(&html),
                    _ => self.leaf(MdKind::Html, &html, range),
                },
                Event::SoftBreak => self.leaf(MdKind::Soft, "", range),
                Event::HardBreak => self.leaf(MdKind::Br, "", range),
                Event::Rule => self.leaf(MdKind::Hr, "", range),
                Event::TaskListMarker(done) => {
                    if let Some(item) = self
                        .open
                        .iter_mut()
                        .rev()
                        .find(|node| node.t == MdKind::Item)
                    {
                        item.b = Some(done);
                    }
                }
                // Their extensions are off; as text nothing gets lost if that changes.
                Event::FootnoteReference(text)
                | Event::InlineMath(text)
                | Event::DisplayMath(text) => {
                    self.text(&text, range);
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        if self.open.len() >= MAX_DEPTH {
            self.unlisted += 1;
            return;
        }
        match self.open.len() {
            0 => self.start_top(range.clone()),
            1 => self.parsed.children.push(range.clone()),
            _ => {}
        }
        // The parser fills a row up with cells that have no source: the text before them is still the last.
        if tag != Tag::TableCell || !range.is_empty() {
            self.parsed.tail_text_end = None;
        }
        let node = self.node_of(tag);
        self.open.push(node);
    }

    fn start_top(&mut self, range: Range<usize>) {
        self.parsed.ranges.push(range);
        self.parsed.children.clear();
    }

    fn node_of(&self, tag: Tag<'_>) -> MdNode {
        let kind = |t| MdNode {
            t,
            ..MdNode::default()
        };
        match tag {
            Tag::Heading { level, .. } => MdNode {
                n: Some(level as u64),
                ..kind(MdKind::H)
            },
            Tag::BlockQuote(_) => kind(MdKind::Quote),
            Tag::CodeBlock(block) => {
                let info = match block {
                    CodeBlockKind::Fenced(info) if !info.is_empty() => Some(info.to_string()),
                    _ => None,
                };
                MdNode {
                    i: info,
                    ..kind(MdKind::Code)
                }
            }
            Tag::HtmlBlock => kind(MdKind::Html),
            Tag::List(first) => MdNode {
                n: first,
                b: Some(true),
                ..kind(MdKind::List)
            },
            Tag::Item => kind(MdKind::Item),
            Tag::Table(columns) => {
                let align = columns
                    .iter()
                    .map(|column| match column {
                        Alignment::None => 'n',
                        Alignment::Left => 'l',
                        Alignment::Center => 'c',
                        Alignment::Right => 'r',
                    })
                    .collect();
                MdNode {
                    align: Some(align),
                    ..kind(MdKind::Table)
                }
            }
            Tag::TableHead | Tag::TableRow => kind(MdKind::Row),
            Tag::TableCell => kind(MdKind::Cell),
            Tag::Emphasis => kind(MdKind::Em),
            Tag::Strong => kind(MdKind::Strong),
            Tag::Strikethrough => kind(MdKind::Del),
            Tag::Link {
                dest_url, title, ..
            } => {
                let allowed = self.policy.check(&dest_url);
                MdNode {
                    i: (!title.is_empty()).then(|| title.to_string()),
                    host: allowed.as_ref().and_then(|link| link.host.clone()),
                    u: allowed.map(|link| link.url),
                    ..kind(MdKind::A)
                }
            }
            Tag::Image {
                dest_url, title, ..
            } => MdNode {
                i: (!title.is_empty()).then(|| title.to_string()),
                u: Some(dest_url.to_string()),
                ..kind(MdKind::Img)
            },
            // A paragraph, or a container of an extension that is off.
            _ => kind(MdKind::P),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if self.unlisted > 0 {
            self.unlisted -= 1;
            return;
        }
        let Some(mut node) = self.open.pop() else {
            return;
        };
        if matches!(
            tag,
            TagEnd::Emphasis
                | TagEnd::Strong
                | TagEnd::Strikethrough
                | TagEnd::Link
                | TagEnd::Image
        ) {
            self.parsed.tail_text_end = None;
        }
        if node.t == MdKind::List {
            // The parser leaves the paragraphs of tight items out.
            node.b = Some(
                !node
                    .c
                    .iter()
                    .any(|item| item.c.iter().any(|block| block.t == MdKind::P)),
            );
        }
        self.siblings().push(node);
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        if let Some(block) = self.open.last_mut()
            && matches!(block.t, MdKind::Code | MdKind::Html)
        {
            block.x.push_str(text);
            return;
        }
        if self.open.is_empty() {
            self.start_top(range.clone());
        }
        self.parsed.tail_text_end = (self.unlisted == 0).then_some(range.end);
        match self.siblings().last_mut() {
            Some(last) if last.t == MdKind::Text => last.x.push_str(text),
            _ => self.siblings().push(MdNode {
                t: MdKind::Text,
                x: text.to_owned(),
                ..MdNode::default()
            }),
        }
    }

    fn leaf(&mut self, t: MdKind, text: &str, range: Range<usize>) {
        if self.open.is_empty() {
            self.start_top(range);
        }
        self.parsed.tail_text_end = None;
        self.siblings().push(MdNode {
            t,
            x: text.to_owned(),
            ..MdNode::default()
        });
    }

    fn siblings(&mut self) -> &mut Vec<MdNode> {
        match self.open.last_mut() {
            Some(node) => &mut node.c,
            None => &mut self.parsed.nodes,
        }
    }
}

/// Whether these items' list is loose; `None` if it shows in none of its items. The parser leaves out the paragraphs of tight items:
/// their inlines are the item's own children.
pub(super) fn is_loose(items: &[MdNode]) -> Option<bool> {
    let mut blocks = items.iter().flat_map(|item| &item.c);
    let telling = blocks.find(|block| block.t == MdKind::P || is_inline(block.t))?;
    Some(telling.t == MdKind::P)
}

fn is_inline(t: MdKind) -> bool {
    use MdKind::*;
    matches!(
        t,
        Text | Em | Strong | Del | CodeSpan | A | Img | Br | Soft | InlineHtml
    )
}
