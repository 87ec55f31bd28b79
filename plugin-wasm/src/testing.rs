//! For unit tests: a shim that applies patches as the real one does, and a small random source.

use std::collections::BTreeMap;

use crate::markdown;
use crate::view::{AppView, MdNode, MessageView, Part, Patch, ToolView, ViewNode};

/// What a shim holds: nodes by key, markdown trees by key.
#[derive(Debug, Default, PartialEq)]
pub struct Shim {
    pub nodes: BTreeMap<String, ViewNode>,
    pub trees: BTreeMap<String, Vec<MdNode>>,
}

impl Shim {
    pub fn apply(&mut self, patches: Vec<Patch>) {
        for patch in patches {
            match patch {
                Patch::Set {
                    key,
                    value: ViewNode::Markdown,
                } => {
                    self.trees.insert(key, Vec::new());
                }
                Patch::Set { key, value } => {
                    self.nodes.insert(key, value);
                }
                Patch::Remove { key } => {
                    self.nodes.remove(&key);
                    self.trees.remove(&key);
                }
                Patch::Md { key, ops } => {
                    let tree = self
                        .trees
                        .get_mut(&key)
                        .unwrap_or_else(|| panic!("no tree at {key}"));
                    assert!(
                        markdown::apply(tree, &ops),
                        "operations that do not fit at {key}"
                    );
                }
            }
        }
        self.check();
    }

    /// Nothing is named that is not there.
    fn check(&self) {
        for node in self.nodes.values() {
            if let ViewNode::Message(message) = node {
                for part in &message.parts {
                    match part {
                        Part::Markdown { key } => {
                            assert!(self.trees.contains_key(key), "no tree {key}")
                        }
                        Part::Tool { tool_call_id } => {
                            assert!(
                                self.nodes.contains_key(&format!("tool/{tool_call_id}")),
                                "no tool {tool_call_id}"
                            );
                        }
                        Part::Text { .. } | Part::Notice { .. } => {}
                    }
                }
            }
            if let ViewNode::App(app) = node {
                for id in &app.messages {
                    assert!(
                        self.nodes.contains_key(&format!("message/{id}")),
                        "no message {id}"
                    );
                }
            }
        }
    }

    pub fn app(&self) -> &AppView {
        match self.nodes.get("app") {
            Some(ViewNode::App(app)) => app,
            other => panic!("no app: {other:?}"),
        }
    }

    pub fn message(&self, id: &str) -> &MessageView {
        match self.nodes.get(&format!("message/{id}")) {
            Some(ViewNode::Message(message)) => message,
            other => panic!("no message {id}: {other:?}"),
        }
    }

    pub fn tool(&self, id: &str) -> &ToolView {
        match self.nodes.get(&format!("tool/{id}")) {
            Some(ViewNode::Tool(tool)) => tool,
            other => panic!("no tool {id}: {other:?}"),
        }
    }

    /// The messages as the page shows them: speaker's first letter and state.
    pub fn messages(&self) -> Vec<&MessageView> {
        self.app()
            .messages
            .iter()
            .map(|id| self.message(id))
            .collect()
    }
}

/// Marsaglia's xorshift: good enough to choose cuts, and the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }
}
