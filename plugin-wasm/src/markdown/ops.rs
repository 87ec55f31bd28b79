//! The difference of two trees as operations, and what a renderer does with them.

use crate::view::{MdNode, MdOp};

/// Makes `old` equal to `new` and returns the operations that do the same elsewhere.
///
/// `path` leads to the node whose children these are; the first of them has index `base`. Trees differ at their end, as
/// text is only ever added there, so the search goes down the first child that differs and replaces what follows it.
pub(super) fn diff(
    path: &mut Vec<u32>,
    base: usize,
    old: &mut Vec<MdNode>,
    new: Vec<MdNode>,
    ops: &mut Vec<MdOp>,
) {
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let mut rest = new.into_iter().skip(same);
    let mut from = same;
    if let Some(changed) = old.get_mut(same) {
        match rest.next() {
            None => {}
            Some(node) if same_head(changed, &node) => {
                path.push((base + same) as u32);
                if node.x.len() > changed.x.len() {
                    let append = node.x[changed.x.len()..].to_owned();
                    ops.push(MdOp::Append {
                        path: path.clone(),
                        append,
                    });
                    changed.x = node.x;
                }
                diff(path, 0, &mut changed.c, node.c, ops);
                path.pop();
                from += 1;
            }
            Some(node) => {
                let nodes: Vec<MdNode> = std::iter::once(node).chain(rest).collect();
                old.truncate(from);
                old.extend(nodes.iter().cloned());
                ops.push(MdOp::Splice {
                    path: path.clone(),
                    from: (base + from) as u32,
                    nodes,
                });
                return;
            }
        }
    }
    let nodes: Vec<MdNode> = rest.collect();
    if old[from..] != nodes[..] {
        old.truncate(from);
        old.extend(nodes.iter().cloned());
        ops.push(MdOp::Splice {
            path: path.clone(),
            from: (base + from) as u32,
            nodes,
        });
    }
}

/// As [`diff`] at the root, where the first of the new nodes has only its children from `children` on: the ones before,
/// and its other fields, are as they were.
pub(super) fn diff_within(
    base: usize,
    children: usize,
    old: &mut Vec<MdNode>,
    new: Vec<MdNode>,
    ops: &mut Vec<MdOp>,
) {
    let mut new = new.into_iter();
    if let (Some(block), Some(grown)) = (old.first_mut(), new.next()) {
        let mut tail = block.c.split_off(children.min(block.c.len()));
        diff(&mut vec![base as u32], children, &mut tail, grown.c, ops);
        block.c.append(&mut tail);
    }
    let mut after = old.split_off(old.len().min(1));
    diff(&mut Vec::new(), base + 1, &mut after, new.collect(), ops);
    old.append(&mut after);
}

/// Equal but for the children and for text that has grown.
fn same_head(old: &MdNode, new: &MdNode) -> bool {
    old.t == new.t
        && new.x.starts_with(&old.x)
        && old.n == new.n
        && old.i == new.i
        && old.u == new.u
        && old.host == new.host
        && old.b == new.b
        && old.align == new.align
}

/// Applies operations to a tree, as a renderer does. `false`: an operation names a place that is not there; the tree keeps
/// what could be applied.
pub fn apply(tree: &mut Vec<MdNode>, ops: &[MdOp]) -> bool {
    ops.iter().all(|op| match op {
        MdOp::Splice { path, from, nodes } => {
            let Some(children) = children_at(tree, path) else {
                return false;
            };
            if children.len() < *from as usize {
                return false;
            }
            children.truncate(*from as usize);
            children.extend(nodes.iter().cloned());
            true
        }
        MdOp::Append { path, append } => {
            let Some((last, parents)) = path.split_last() else {
                return false;
            };
            let node =
                children_at(tree, parents).and_then(|children| children.get_mut(*last as usize));
            node.map(|node| node.x.push_str(append)).is_some()
        }
    })
}

fn children_at<'t>(tree: &'t mut Vec<MdNode>, path: &[u32]) -> Option<&'t mut Vec<MdNode>> {
    path.iter().try_fold(tree, |children, index| {
        children.get_mut(*index as usize).map(|node| &mut node.c)
    })
}
