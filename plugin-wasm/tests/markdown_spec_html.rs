//! The tree says what the specification's HTML says. The HTML is made here, for the comparison only: the product has no
//! such printer, and prints neither raw HTML nor image addresses.
#![allow(clippy::unwrap_used)]

mod markdown_support;

use markdown_support::{Example, commonmark, gfm, policy};
use plugin_wasm::markdown::parse;
use plugin_wasm::view::{MdKind, MdNode};
use pulldown_cmark::{Event, Options, Parser, Tag};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

/// Examples whose HTML differs. Strict, as everywhere.
const COMMONMARK_DIFFERS: [u32; 0] = [];
/// Bare addresses are not made links (autolinks extension), and raw HTML is not filtered but never HTML at all.
const GFM_DIFFERS: [u32; 12] = [621, 622, 623, 624, 625, 626, 627, 628, 629, 630, 631, 653];

#[test]
fn the_tree_prints_to_the_specifications_html() {
    let examples = commonmark();
    let differing = differing(&examples);
    let share = 100.0 * (1.0 - differing.len() as f64 / examples.len() as f64);
    println!(
        "{share:.2} % of {} CommonMark examples print to the same HTML",
        examples.len()
    );
    assert_eq!(differing, COMMONMARK_DIFFERS.into_iter().collect());
    assert!(share >= 97.0, "{share}");
}

#[test]
fn the_tree_prints_to_the_html_of_the_gfm_extensions() {
    assert_eq!(differing(&gfm()), GFM_DIFFERS.into_iter().collect());
}

fn differing(examples: &[Example]) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for example in examples {
        let html = print(&example.markdown);
        if html != example.html {
            println!(
                "{} {:?}\n  expected {:?}\n  printed  {html:?}",
                example.number, example.markdown, example.html
            );
            numbers.insert(example.number);
        }
    }
    numbers
}

fn print(markdown: &str) -> String {
    let mut printer = Printer {
        out: String::new(),
        links: link_destinations(markdown),
    };
    printer.blocks(&parse(markdown, &policy()), false);
    printer.out
}

/// The destinations as they were written, in document order: the tree has only those that the link policy allows.
fn link_destinations(markdown: &str) -> VecDeque<String> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(markdown, options)
        .filter_map(|event| match event {
            Event::Start(Tag::Link {
                dest_url,
                link_type,
                ..
            }) => {
                let mail = if link_type == pulldown_cmark::LinkType::Email {
                    "mailto:"
                } else {
                    ""
                };
                Some(format!("{mail}{dest_url}"))
            }
            _ => None,
        })
        .collect()
}

struct Printer {
    out: String,
    links: VecDeque<String>,
}

impl Printer {
    /// A block starts on a line of its own.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn blocks(&mut self, nodes: &[MdNode], head: bool) {
        nodes.iter().for_each(|node| self.node(node, head));
    }

    fn wrap(&mut self, name: &str, attributes: &str, node: &MdNode) {
        let _ = write!(self.out, "<{name}{attributes}>");
        self.blocks(&node.c, false);
        let _ = write!(self.out, "</{name}>");
    }

    fn node(&mut self, node: &MdNode, head: bool) {
        let name = match node.t {
            MdKind::P => "p",
            MdKind::Em => "em",
            MdKind::Strong => "strong",
            MdKind::Del => "del",
            _ => "",
        };
        match node.t {
            MdKind::P => {
                self.line();
                self.wrap(name, "", node);
                self.out.push('\n');
            }
            MdKind::Em | MdKind::Strong | MdKind::Del => self.wrap(name, "", node),
            MdKind::H => {
                self.line();
                self.wrap(&format!("h{}", node.n.unwrap()), "", node);
                self.out.push('\n');
            }
            MdKind::Code => {
                self.line();
                let language = node.i.as_deref().and_then(|info| info.split(' ').next());
                let class = language
                    .map(|l| format!(" class=\"language-{}\"", escape(l)))
                    .unwrap_or_default();
                let _ = writeln!(
                    self.out,
                    "<pre><code{class}>{}</code></pre>",
                    escape(&node.x)
                );
            }
            MdKind::Quote => {
                self.line();
                self.out.push_str("<blockquote>\n");
                self.blocks(&node.c, false);
                self.line();
                self.out.push_str("</blockquote>\n");
            }
            MdKind::List => {
                self.line();
                let (name, start) = match node.n {
                    None => ("ul", String::new()),
                    Some(1) => ("ol", String::new()),
                    Some(n) => ("ol", format!(" start=\"{n}\"")),
                };
                let _ = writeln!(self.out, "<{name}{start}>");
                self.blocks(&node.c, false);
                let _ = writeln!(self.out, "</{name}>");
            }
            MdKind::Item => {
                self.out.push_str("<li>");
                if let Some(done) = node.b {
                    let checked = if done { "checked=\"\" " } else { "" };
                    let _ = write!(
                        self.out,
                        "<input {checked}disabled=\"\" type=\"checkbox\"> "
                    );
                }
                let blocks_first = node.c.first().is_some_and(|first| !is_inline(first.t));
                if blocks_first {
                    self.out.push('\n');
                }
                self.blocks(&node.c, false);
                self.out.push_str("</li>\n");
            }
            MdKind::Table => self.table(node),
            MdKind::Row => self.blocks(&node.c, head),
            MdKind::Cell => self.blocks(&node.c, head),
            MdKind::Hr => {
                self.line();
                self.out.push_str("<hr />\n");
            }
            MdKind::Html => {
                self.line();
                self.out.push_str(&node.x);
                self.line();
            }
            MdKind::Text => self.out.push_str(&escape(&node.x)),
            MdKind::CodeSpan => {
                let _ = write!(self.out, "<code>{}</code>", escape(&node.x));
            }
            MdKind::A => {
                let destination = self.links.pop_front().unwrap();
                let attributes = format!(" href=\"{}\"{}", href(&destination), title(node));
                self.wrap("a", &attributes, node);
            }
            MdKind::Img => {
                let source = href(node.u.as_deref().unwrap());
                let mut alt = String::new();
                self.alternative(&node.c, &mut alt);
                let _ = write!(
                    self.out,
                    "<img src=\"{source}\" alt=\"{}\"{} />",
                    escape(&alt),
                    title(node)
                );
            }
            MdKind::Br => self.out.push_str("<br />\n"),
            MdKind::Soft => self.out.push('\n'),
            MdKind::InlineHtml => self.out.push_str(&node.x),
        }
    }

    fn table(&mut self, table: &MdNode) {
        self.line();
        self.out.push_str("<table>\n<thead>\n");
        let align = table.align.as_deref().unwrap();
        for (index, row) in table.c.iter().enumerate() {
            let name = if index == 0 { "th" } else { "td" };
            if index == 1 {
                self.out.push_str("<tbody>\n");
            }
            self.out.push_str("<tr>\n");
            for (cell, align) in row.c.iter().zip(align.chars()) {
                let align = match align {
                    'l' => " align=\"left\"",
                    'c' => " align=\"center\"",
                    'r' => " align=\"right\"",
                    _ => "",
                };
                self.wrap(name, align, cell);
                self.out.push('\n');
            }
            self.out.push_str("</tr>\n");
            if index == 0 {
                self.out.push_str("</thead>\n");
            }
        }
        if table.c.len() > 1 {
            self.out.push_str("</tbody>\n");
        }
        self.out.push_str("</table>\n");
    }

    /// An image's alternative text is its content without marks. Links in it take their turn.
    fn alternative(&mut self, nodes: &[MdNode], alt: &mut String) {
        for node in nodes {
            match node.t {
                MdKind::A => drop(self.links.pop_front()),
                MdKind::Soft | MdKind::Br => alt.push('\n'),
                _ => alt.push_str(&node.x),
            }
            self.alternative(&node.c, alt);
        }
    }
}

fn is_inline(t: MdKind) -> bool {
    use MdKind::*;
    matches!(
        t,
        Text | Em | Strong | Del | CodeSpan | A | Img | Br | Soft | InlineHtml
    )
}

fn title(node: &MdNode) -> String {
    node.i
        .as_deref()
        .map(|title| format!(" title=\"{}\"", escape(title)))
        .unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// As the specification's own converter writes addresses.
fn href(destination: &str) -> String {
    let mut out = String::new();
    for byte in destination.bytes() {
        match byte {
            b'&' => out.push_str("&amp;"),
            b'\'' => out.push_str("&#x27;"),
            b if b.is_ascii_alphanumeric() || b"-_.+!*(),%#@?=;:/,$~".contains(&b) => {
                out.push(b as char)
            }
            b => write!(out, "%{b:02X}").unwrap(),
        }
    }
    out
}
