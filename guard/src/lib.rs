//! May this query run? Pure: figures come in as arguments, a judgement goes out.
//!
//! Where to start: [`verdict`] (the rules), on the tree of [`tree`], which [`adapter`] alone makes from PromQL text.
//! [`breadth`] knows what a selector reaches, [`unit`] what a result measures.

pub mod adapter;
pub mod breadth;
mod naming;
pub mod tree;
pub mod unit;
pub mod verdict;

pub use adapter::{Unreadable, parse};
pub use unit::{Measure, MetricFacts, measure};
pub use verdict::{Judgement, Mode, Narrowed, Policy, Request, judge};
