//! The tree of a text that is still being written.

use super::LinkPolicy;
use super::blocks::{self, Cut, Inside};
use super::definitions::Definitions;
use super::fence::FenceState;
use super::ops::{diff, diff_within};
use super::plain::PlainTail;
use super::tree::{Definition, Parsed, is_loose, parse};
use crate::view::{MdKind, MdNode, MdOp};

/// Takes an answer's text piece by piece and gives out what changed in its tree.
///
/// After every [`take_ops`](Self::take_ops) the tree that the operations built equals [`parse`](super::parse) of
/// [`source`](Self::source). Blocks that can't change any more are settled: they are not parsed and not sent again. (One
/// exception: a link reference definition that comes after its first use makes a link of settled text.)
#[derive(Debug, Default)]
pub struct MarkdownStream {
    policy: LinkPolicy,
    source: String,
    finished: bool,
    /// Bytes of `source` that the tree shows.
    shown: usize,
    tree: Vec<MdNode>,
    /// Top-level nodes that are settled, and where the source of the next one starts.
    settled: usize,
    cut: usize,
    /// What is settled in the node at `settled`.
    inside: Inside,
    /// Definitions before the cut, and those behind it.
    known: Definitions,
    open_definitions: Vec<Definition>,
    /// Settled text has a `[`: a later definition may concern it.
    settled_brackets: bool,
    plain: Option<PlainTail>,
    scratch: String,
    parsed_bytes: usize,
}

impl MarkdownStream {
    pub fn new(policy: LinkPolicy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// Only keeps the text: parsing waits for [`take_ops`](Self::take_ops), so many pieces in one frame cost one parse.
    /// Text after [`finish`](Self::finish) is ignored.
    pub fn push(&mut self, text: &str) {
        if !self.finished {
            self.source.push_str(text);
        }
    }

    /// All changes of the tree since the last call.
    pub fn take_ops(&mut self) -> Vec<MdOp> {
        let mut ops = Vec::new();
        if self.shown < self.source.len()
            && !self.grow_plain(&mut ops)
            && !self.grow_fence(&mut ops)
        {
            self.read(&mut ops);
            self.shown = self.source.len();
        }
        if self.finished {
            self.tree = Vec::new();
            self.plain = None;
        }
        ops
    }

    /// The text is complete. The operations of what was pushed are still to be taken, once; then only the source is kept.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The text so far, for copying.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Bytes that the parser has read so far, for tests of what a stream costs.
    pub fn parsed_bytes(&self) -> usize {
        self.parsed_bytes
    }

    fn grow_plain(&mut self, ops: &mut Vec<MdOp>) -> bool {
        let Some(growth) = self
            .plain
            .as_mut()
            .and_then(|plain| plain.grow(&self.source, self.shown))
        else {
            return false;
        };
        self.shown = self.source.len();
        if growth.is_empty() {
            return true;
        }
        let mut path = Vec::new();
        let mut children = &mut self.tree;
        // Down to the last leaf; the empty cells that fill up a row come after it.
        while let Some(last) = children
            .iter()
            .rposition(|node| node.t != MdKind::Cell || !node.c.is_empty())
        {
            path.push(last as u32);
            let node = &mut children[last];
            if node.c.is_empty() {
                node.x.push_str(growth);
                break;
            }
            children = &mut node.c;
        }
        ops.push(MdOp::Append {
            path,
            append: growth.to_owned(),
        });
        true
    }

    /// `false`: the fence has ended, or the parser has to look at it; what is not shown yet is still to be read.
    fn grow_fence(&mut self, ops: &mut Vec<MdOp>) -> bool {
        let Inside::Fence(fence) = &mut self.inside else {
            return false;
        };
        let content = fence.content();
        let (content_end, end) = match fence.read(&self.source) {
            FenceState::Unknown => {
                self.inside = Inside::Root;
                return false;
            }
            FenceState::Open { content_end } => (content_end, None),
            FenceState::Closed { content_end, end } => (content_end, Some(end)),
        };
        let code = &mut self.tree[self.settled];
        let path = vec![self.settled as u32];
        let known = content + code.x.len();
        if known < content_end {
            let append = self.source[known..content_end].to_owned();
            code.x.push_str(&append);
            ops.push(MdOp::Append { path, append });
        } else if known > content_end {
            // What looked like content has become the closing line.
            code.x.truncate(content_end - content);
            ops.push(MdOp::Splice {
                path: Vec::new(),
                from: self.settled as u32,
                nodes: vec![code.clone()],
            });
        }
        let Some(end) = end else {
            self.shown = self.source.len();
            return true;
        };
        self.settle(Cut {
            blocks: 1,
            at: end,
            inside: Inside::Root,
        });
        self.shown = end;
        self.shown == self.source.len()
    }

    /// Parses what is not settled.
    fn read(&mut self, ops: &mut Vec<MdOp>) {
        let base = self.settled;
        let before = (self.settled, self.cut, self.known.len());
        let mut children = self.settled_children();
        let reading = match self.advance() {
            Some(reading) => reading,
            None => {
                // What was settled in the block changes: its items become paragraphs. It is read as a whole, once.
                (self.settled, self.cut) = (before.0, before.1);
                self.known.truncate(before.2);
                self.inside = Inside::Root;
                children = None;
                self.read_tail().unwrap_or_default()
            }
        };
        let mut open = self.tree.split_off(base);
        match children {
            None => diff(&mut Vec::new(), base, &mut open, reading.nodes, ops),
            Some(children) => diff_within(base, children, &mut open, reading.nodes, ops),
        }
        self.tree.append(&mut open);
        self.link_settled(reading.settled_definitions, reading.open_definitions, ops);
    }

    /// Parses from the settled text on, settling what the complete lines allow. `None`: settled children of the open block
    /// would have to change.
    fn advance(&mut self) -> Option<Reading> {
        let end = self.source.len();
        let Some(complete) = self.source[self.shown..]
            .rfind('\n')
            .map(|newline| self.shown + newline + 1)
        else {
            return self.read_tail();
        };
        let start = self.start();
        let known_children = self.settled_children().unwrap_or(0);
        let parsed = self.parse_to(complete)?;
        let cut = blocks::cut(
            &self.source,
            start,
            complete,
            &parsed,
            self.cut,
            &self.inside,
        );
        let first_kept = cut.blocks == 0;
        let cut_blocks = cut.blocks;
        self.settle(cut);

        let settled_end = self.start();
        let (settled_definitions, open_definitions): (Vec<_>, Vec<_>) = parsed
            .definitions
            .into_iter()
            .partition(|definition| start + definition.range.end <= settled_end);
        self.known.extend(&settled_definitions);
        let mut nodes = parsed.nodes;
        if complete == end {
            self.plain = None;
            return Some(Reading {
                nodes,
                settled_definitions,
                open_definitions,
            });
        }
        let children = self.settled_children();
        nodes.truncate(cut_blocks + usize::from(children.is_some()));
        let mut tail = self.read_tail()?;
        if let Some(children) = children {
            // The block goes on in what the second parse gave.
            let block = nodes.last_mut()?;
            block
                .c
                .truncate(children - if first_kept { known_children } else { 0 });
            block.c.append(&mut tail.nodes.first_mut()?.c);
            tail.nodes.remove(0);
        }
        nodes.append(&mut tail.nodes);
        Some(Reading {
            nodes,
            settled_definitions,
            ..tail
        })
    }

    /// Parses from the settled text to the end and settles nothing.
    fn read_tail(&mut self) -> Option<Reading> {
        let start = self.start();
        let parsed = self.parse_to(self.source.len())?;
        self.plain = PlainTail::of(
            &self.source[start..],
            start,
            parsed.tail_text_end.map(|text_end| start + text_end),
        );
        Some(Reading {
            nodes: parsed.nodes,
            open_definitions: parsed.definitions,
            ..Reading::default()
        })
    }

    /// Parses from the settled text to `end`. In an open block, the first node has only the children that are not settled;
    /// `None` if that can't be, since the settled ones change as well.
    fn parse_to(&mut self, end: usize) -> Option<Parsed> {
        self.parsed_bytes += end - self.start();
        let text = &self.source[self.start()..end];
        let Inside::Block(open) = &self.inside else {
            if self.known.prefix.is_empty() {
                return Some(Parsed::of(text, 0, &self.policy));
            }
            let skip = self.known.prefix.len();
            self.scratch.clear();
            self.scratch.extend([&self.known.prefix, text]);
            return Some(Parsed::of(&self.scratch, skip, &self.policy));
        };
        let skip = self.known.prefix.len() + open.prefix.len();
        self.scratch.clear();
        self.scratch
            .extend([&self.known.prefix, &open.prefix, text]);
        let mut parsed = Parsed::of(&self.scratch, skip, &self.policy);
        let only_block = parsed.nodes.len() == 1;
        let block = parsed.nodes.first_mut()?;
        let as_settled = block.t == open.kind && block.c.len() >= open.stand_ins;
        if !as_settled || (open.kind == MdKind::List && is_loose(&block.c) != open.loose) {
            return None;
        }
        block.c.drain(..open.stand_ins);
        if only_block {
            parsed.children.drain(..open.stand_ins);
        }
        Some(parsed)
    }

    /// Where the text that is not settled starts.
    fn start(&self) -> usize {
        match &self.inside {
            Inside::Block(open) => open.at,
            Inside::Root | Inside::Fence(_) => self.cut,
        }
    }

    fn settled_children(&self) -> Option<usize> {
        match &self.inside {
            Inside::Block(open) => Some(open.children),
            Inside::Root | Inside::Fence(_) => None,
        }
    }

    fn settle(&mut self, cut: Cut) {
        let from = self.start();
        self.settled += cut.blocks;
        self.cut = cut.at;
        self.inside = cut.inside;
        let newly_settled = self.source.get(from..self.start());
        self.settled_brackets |= newly_settled.is_some_and(|text| text.contains('['));
    }

    /// Definitions that came or changed may make links of settled text, or take them back.
    fn link_settled(
        &mut self,
        settled: Vec<Definition>,
        open: Vec<Definition>,
        ops: &mut Vec<MdOp>,
    ) {
        let now = settled.iter().chain(&open);
        let changed = !now.eq(&self.open_definitions);
        self.open_definitions = open;
        if changed && self.settled_brackets {
            let whole = parse(&self.source, &self.policy);
            diff(&mut Vec::new(), 0, &mut self.tree, whole, ops);
        }
    }
}

/// What one frame's parsing gives.
#[derive(Debug, Default)]
struct Reading {
    /// From the node on that was the first not settled.
    nodes: Vec<MdNode>,
    /// Definitions that have just been settled, and those that have not.
    settled_definitions: Vec<Definition>,
    open_definitions: Vec<Definition>,
}
