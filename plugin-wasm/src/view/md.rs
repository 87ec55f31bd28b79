//! The markdown tree of an answer, and its changes.

use serde::{Deserialize, Serialize};

/// A change of a markdown tree. `path` leads from the root through child indices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum MdOp {
    /// Children of the node at `path` from index `from` on are replaced by `nodes`.
    Splice {
        path: Vec<u32>,
        from: u32,
        nodes: Vec<MdNode>,
    },
    /// `append` is added to the `x` of the node at `path`.
    Append { path: Vec<u32>, append: String },
}

/// A markdown node: never HTML. Field names are short because nodes are many.
///
/// `t` is the kind: blocks `p h code quote list item table row cell hr html`, inlines `text em strong del codespan a img
/// br soft html`. Only the fields that a kind has are there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MdNode {
    pub t: MdKind,
    /// Children.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub c: Vec<MdNode>,
    /// Text of `text code codespan html`; alternative text of `img` is in its children.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub x: String,
    /// `h`: level 1–6. `list`: first number, absent for bullets. `table`, see `align`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub n: Option<u64>,
    /// `code`: the info string. `a`, `img`: the title.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub i: Option<String>,
    /// `a`: where it leads, after the link policy; absent: not allowed, show the text only. `img`: its source, to be shown as
    /// text and never loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub u: Option<String>,
    /// `a`: the real host where it leaves this origin; shown, and asked before leaving.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub host: Option<String>,
    /// `list`: tight. `item`: a task's tick (absent: no task).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub b: Option<bool>,
    /// `table`: per column `n` (none), `l`, `c`, `r`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub align: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum MdKind {
    #[default]
    P,
    H,
    Code,
    Quote,
    List,
    Item,
    Table,
    Row,
    Cell,
    Hr,
    Html,
    Text,
    Em,
    Strong,
    Del,
    CodeSpan,
    A,
    Img,
    Br,
    Soft,
    /// Inline HTML, shown as the text that it is.
    InlineHtml,
}
