//! What a stream costs, counted: how many nodes and bytes cross to the renderer.
#![allow(clippy::unwrap_used)]

mod markdown_support;

use markdown_support::{Random, mixed_answer, policy};
use plugin_wasm::markdown::{MarkdownStream, apply, parse};
use plugin_wasm::view::{MdKind, MdNode, MdOp};

#[test]
fn plain_text_is_one_append_per_frame() {
    let mut stream = MarkdownStream::new(policy());
    let mut tree = Vec::new();
    for text in [
        "# Title\n\nThe rate ",
        "- item ",
        "> quoted ",
        "| a | b |\n|---|---|\n| x ",
        "1. **bold** and ",
    ] {
        stream.push("\n\n");
        stream.push(text);
        stream.push("x");
        apply(&mut tree, &stream.take_ops());
        for piece in [
            "abc",
            "def g",
            "hi, j",
            "kl.",
            "mn (o) \"p\" - q=r",
            " é日本 ",
        ] {
            stream.push(piece);
            let ops = stream.take_ops();
            assert!(
                matches!(&ops[..], [MdOp::Append { .. }]),
                "{text:?} + {piece:?}: {ops:?}"
            );
            apply(&mut tree, &ops);
            assert_eq!(tree, parse(stream.source(), &policy()));
        }
    }
}

#[test]
fn code_is_one_append_per_frame() {
    let mut stream = MarkdownStream::new(policy());
    stream.push("Text\n\n```promql\n");
    stream.take_ops();
    for piece in [
        "sum by (mode) ",
        "(rate(x[5m]))\n",
        "# *not* a heading\n\n<b>\n",
        "  - `` no list\n",
    ] {
        stream.push(piece);
        let append = MdOp::Append {
            path: vec![1],
            append: piece.to_owned(),
        };
        assert_eq!(stream.take_ops(), [append]);
    }
}

#[test]
fn many_pieces_in_one_frame_make_one_set_of_operations() {
    let mut stream = MarkdownStream::new(policy());
    for _ in 0..200 {
        stream.push("word ");
    }
    assert_eq!(stream.take_ops().len(), 1);
    assert_eq!(stream.take_ops(), []);
    for piece in ["more\n", "\n- a\n", "- b\n", "\n", "tex", "t **bold** and"] {
        stream.push(piece);
    }
    assert!(stream.take_ops().len() <= 2);
}

#[test]
fn settled_nodes_never_cross_again() {
    let text = mixed_answer(32 * 1024);
    let whole = parse(&text, &policy());
    let all = count(&whole);
    for longest in [1, 4, 40, 400] {
        let mut random = Random::new(longest as u64);
        let mut stream = MarkdownStream::new(policy());
        let mut tree: Vec<MdNode> = Vec::new();
        let (mut nodes, mut bytes, mut first_open) = (0, 0, 0);
        for piece in markdown_support::pieces(&text, longest, &mut random) {
            stream.push(piece);
            let ops = stream.take_ops();
            for op in &ops {
                let (at, crossing) = match op {
                    MdOp::Splice { path, from, nodes } => {
                        (path.first().copied().unwrap_or(*from), count(nodes))
                    }
                    MdOp::Append { path, .. } => (path[0], 0),
                };
                assert!(
                    at as usize >= first_open,
                    "block {at} was settled, the first open one is {first_open}: {op:?}"
                );
                nodes += crossing;
            }
            bytes += serde_json::to_string(&ops).unwrap().len();
            apply(&mut tree, &ops);
            // Whatever comes, only the last block and one being begun behind it can change.
            first_open = tree.len().saturating_sub(2);
        }
        assert_eq!(tree, whole);
        let parsed = stream.parsed_bytes() as f64 / text.len() as f64;
        let (per_node, per_byte) = (nodes as f64 / all as f64, bytes as f64 / text.len() as f64);
        println!(
            "pieces of up to {longest}: each node crossed {per_node:.2} times, {per_byte:.1} patch bytes and {parsed:.1} bytes parsed per byte"
        );
        assert!(per_node < 4.0, "{per_node}");
    }
}

#[test]
fn a_long_list_or_table_does_not_cross_again() {
    for (head, line) in [
        ("", "- an item with `code`\n"),
        ("| a | b |\n|---|---|\n", "| x | **y** |\n"),
        ("", "1. one\n\n"),
    ] {
        let mut stream = MarkdownStream::new(policy());
        stream.push(head);
        let mut crossing = 0;
        for _ in 0..500 {
            for piece in markdown_support::characters(line) {
                stream.push(piece);
                for op in stream.take_ops() {
                    if let MdOp::Splice { nodes, .. } = op {
                        crossing += count(&nodes);
                    }
                }
            }
        }
        assert!(crossing < 500 * 40, "{line:?}: {crossing} nodes");
    }
}

fn count(nodes: &[MdNode]) -> usize {
    nodes.iter().map(|node| 1 + count(&node.c)).sum()
}

#[test]
fn a_finished_stream_keeps_only_its_source() {
    let mut stream = MarkdownStream::new(policy());
    stream.push("*all*");
    stream.finish();
    stream.push("ignored");
    let mut tree = Vec::new();
    assert!(apply(&mut tree, &stream.take_ops()));
    assert_eq!(tree, parse("*all*", &policy()));
    assert_eq!(tree[0].c[0].t, MdKind::Em);
    assert_eq!(stream.source(), "*all*");
    assert_eq!(stream.take_ops(), []);
}
