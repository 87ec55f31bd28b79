//! The tree of a text that is still being written.

use super::ops::diff;
use super::{LinkPolicy, parse};
use crate::view::{MdNode, MdOp};

/// Takes an answer's text piece by piece and gives out what changed in its tree.
///
/// After every [`take_ops`](Self::take_ops) the tree that the operations built equals [`parse`] of [`source`](Self::source).
#[derive(Debug, Default)]
pub struct MarkdownStream {
    policy: LinkPolicy,
    source: String,
    /// Bytes of `source` that the tree shows.
    shown: usize,
    tree: Vec<MdNode>,
}

impl MarkdownStream {
    pub fn new(policy: LinkPolicy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// Only keeps the text: parsing waits for [`take_ops`](Self::take_ops), so many pieces in one frame cost one parse.
    pub fn push(&mut self, text: &str) {
        self.source.push_str(text);
    }

    /// All changes of the tree since the last call.
    pub fn take_ops(&mut self) -> Vec<MdOp> {
        let mut ops = Vec::new();
        if self.shown < self.source.len() {
            let new = parse(&self.source, &self.policy);
            diff(&mut Vec::new(), 0, &mut self.tree, new, &mut ops);
            self.shown = self.source.len();
        }
        ops
    }

    /// The text is complete: nothing will be pushed any more, working memory may go. Take the last operations after it.
    pub fn finish(&mut self) {}

    /// The text so far, for copying.
    pub fn source(&self) -> &str {
        &self.source
    }
}
