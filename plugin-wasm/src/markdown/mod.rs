//! Markdown of an answer, as a typed tree that grows while the answer streams in. Never HTML.
//!
//! Where to start:
//! - [`MarkdownStream`] (`stream`): text goes in, [`MdOp`](crate::view::MdOp)s come out, once per animation frame.
//! - [`parse`] (`tree`): one whole text → one tree. It is the reference: after every prefix of a stream, the streamed tree
//!   equals the parse of that prefix.
//! - [`LinkPolicy`] (`link_policy`): which links may be followed.
//!   What saves work, in the order in which it is tried: `plain` (characters that just append), `fence` (code is copied),
//!   `blocks` (what can't change any more is never parsed again), `definitions` (links into text that is settled).
//! - [`apply`] (`ops`): what a renderer does with the operations.
//!
//! The dialect is CommonMark with GFM's tables, strikethrough and task lists. Off: footnotes, smart punctuation, heading
//! attributes, metadata blocks, and bare addresses as links (`https://…` outside `<…>` stays text: the parser has no
//! such extension, and text is the safe side).

#[cfg(all(target_arch = "wasm32", feature = "bench"))]
mod bench_entry;
mod blocks;
mod definitions;
mod fence;
mod link_policy;
mod ops;
mod plain;
mod stream;
mod tree;

pub use link_policy::LinkPolicy;
pub use ops::apply;
pub use stream::MarkdownStream;
pub use tree::parse;
