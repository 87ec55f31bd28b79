//! Where the open text may be cut: which of its blocks can't change any more, whatever follows.
//!
//! Everything here looks at complete lines only. A line that is still being written can change what the lines before it
//! mean (`- |` makes a table of a paragraph) and can change back.

use super::fence::{FenceState, OpenFence};
use super::plain::has_definition_mark;
use super::tree::{Parsed, is_loose};
use crate::view::{MdKind, MdNode};

/// Where parsing goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Inside {
    /// At the start of a block.
    #[default]
    Root,
    /// In the block that starts at the cut.
    Block(OpenBlock),
    /// In a fence that starts at the cut.
    Fence(OpenFence),
}

/// A list or a table of which the first `children` can't change; the text behind them starts at `at`. `prefix` stands in
/// for them: text that makes the parser read on as if they were there. It becomes `stand_ins` children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenBlock {
    pub kind: MdKind,
    pub children: usize,
    pub at: usize,
    pub prefix: String,
    pub stand_ins: usize,
    /// Of a list: whether it is loose so far, which the settled items show.
    pub loose: Option<bool>,
}

/// A cut through parsed blocks.
#[derive(Debug)]
pub(super) struct Cut {
    /// Blocks before the cut.
    pub blocks: usize,
    /// Where the cut is in the source.
    pub at: usize,
    pub inside: Inside,
}

/// Finds the last possible cut of `source[start..end]`, which ends with a complete line and was parsed as `parsed`; ranges
/// in it count from `start`. `block_at`: where its first block starts, which is before `start` if `inside` is a block.
pub(super) fn cut(
    source: &str,
    start: usize,
    end: usize,
    parsed: &Parsed,
    block_at: usize,
    inside: &Inside,
) -> Cut {
    let text = &source[start..end];
    let stay = || Cut {
        blocks: 0,
        at: block_at,
        inside: inside.clone(),
    };
    let Some(last) = parsed.nodes.last() else {
        // Nothing but definitions; the next line could still be the last one's title.
        let blank = is_blank(last_line(text));
        return if blank {
            Cut {
                blocks: 0,
                at: end,
                inside: Inside::Root,
            }
        } else {
            stay()
        };
    };
    let index = parsed.nodes.len() - 1;
    let blank = is_blank(last_line(text));
    let first_of_inside = index == 0 && matches!(inside, Inside::Block(_));
    let at = if first_of_inside {
        block_at
    } else {
        start + line_start(text, parsed.ranges[index].start)
    };
    let unsure = !first_of_inside && may_follow_definition(text, at - start);
    if closes(last, blank) && (blank || !unsure) {
        return Cut {
            blocks: index + 1,
            at: end,
            inside: Inside::Root,
        };
    }
    if unsure {
        return stay();
    }
    if last.t == MdKind::Code
        && let Some(mut fence) = OpenFence::at(&source[..end], at)
    {
        return match fence.read(&source[..end]) {
            FenceState::Closed { .. } => Cut {
                blocks: index + 1,
                at: end,
                inside: Inside::Root,
            },
            FenceState::Open { .. } => Cut {
                blocks: index,
                at,
                inside: Inside::Fence(fence),
            },
            FenceState::Unknown => Cut {
                blocks: index,
                at,
                inside: Inside::Root,
            },
        };
    }
    let open = match inside {
        Inside::Block(open) if first_of_inside => Some(open),
        _ => None,
    };
    let within = match last.t {
        MdKind::List => in_list(text, start, last, parsed, open),
        MdKind::Table => in_table(source, at, end, last, open),
        _ => None,
    };
    let within = within.or_else(|| open.cloned());
    Cut {
        blocks: index,
        at,
        inside: within.map_or(Inside::Root, Inside::Block),
    }
}

/// The block can't go on behind a line that is blank, or that is its last.
fn closes(block: &MdNode, blank: bool) -> bool {
    match block.t {
        MdKind::H | MdKind::Hr => true,
        MdKind::P | MdKind::Quote | MdKind::Table => blank,
        _ => false,
    }
}

/// The lines right before `at` may end with a link reference definition: then what starts at `at` goes on as a paragraph
/// would, or turns out to be the definition's title. (The parser does not tell of definitions that say a label again.)
fn may_follow_definition(text: &str, at: usize) -> bool {
    let lines = text[..at].split_inclusive('\n').rev();
    lines
        .take_while(|line| !is_blank(line))
        .any(has_definition_mark)
}

/// All items but the last are final. Whether the list is loose is not: a stand-in item tells it, since it becomes a
/// paragraph if the list is loose.
fn in_list(
    text: &str,
    start: usize,
    list: &MdNode,
    parsed: &Parsed,
    open: Option<&OpenBlock>,
) -> Option<OpenBlock> {
    let last = parsed.children.len().checked_sub(1)?;
    // The settled items have to show it themselves: the last one could still become something else.
    let loose = open.map_or_else(|| is_loose(list.c.get(..last)?), |open| open.loose)?;
    let children = open.map_or(0, |open| open.children) + last;
    if children == 0 {
        return None;
    }
    let at = line_start(text, parsed.children[last].start);
    let line = &text[at..];
    let indent = line.len() - line.trim_start_matches(' ').len();
    let marker = line[indent..].chars().find(|c| !c.is_ascii_digit())?;
    let number = if list.n.is_some() { "1" } else { "" };
    let item = format!("{}{number}{marker} x\n", &line[..indent]);
    let (prefix, stand_ins) = if loose {
        (format!("{item}\n{item}"), 2)
    } else {
        (item, 1)
    };
    Some(OpenBlock {
        kind: MdKind::List,
        children,
        at: start + at,
        prefix,
        stand_ins,
        loose: Some(loose),
    })
}

/// All complete rows are final. The head and its underline stand in for them.
fn in_table(
    source: &str,
    at: usize,
    end: usize,
    table: &MdNode,
    open: Option<&OpenBlock>,
) -> Option<OpenBlock> {
    let mut lines = source[at..end].split_inclusive('\n');
    let prefix = format!("{}{}", lines.next()?, lines.next()?);
    // The last complete line is one of the table's rows, else another block would have followed it.
    let children = open.map_or(0, |open| open.children) + table.c.len();
    Some(OpenBlock {
        kind: MdKind::Table,
        children,
        at: end,
        prefix,
        stand_ins: 1,
        loose: None,
    })
}

/// Where the line with the byte at `offset` starts.
fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |end| end + 1)
}

fn last_line(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    &text[line_start(text, text.len())..]
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|b| b.is_ascii_whitespace())
}
