// Markdown trees with structural sharing: a node that an op does not touch keeps its identity, so that React skips it.

import type { MdNode, MdOp } from './generated/view';

export interface MdTree {
  readonly c: readonly MdNode[];
}

export const EMPTY_TREE: MdTree = { c: [] };

/**
 * The tree after `ops`. Only the nodes from the root to what changed are copied.
 * Throws a RangeError where an op names a node that is not there; the caller then asks the core for a snapshot.
 */
export function applyMdOps(tree: MdTree, ops: readonly MdOp[]): MdTree {
  let out = tree;
  for (const op of ops) out = applyOne(out, op);
  return out;
}

function applyOne(tree: MdTree, op: MdOp): MdTree {
  if ('append' in op) {
    if (op.path.length === 0) throw new RangeError('the root has no text');
    return change(tree, op.path, 0, (node) => ({ ...node, x: ((node as MdNode).x ?? '') + op.append }));
  }
  return change(tree, op.path, 0, (node) => {
    const children = node.c ?? [];
    if (op.from > children.length) throw new RangeError(`no child ${op.from} of ${children.length}`);
    return { ...node, c: [...children.slice(0, op.from), ...op.nodes] };
  });
}

function change<T extends MdTree | MdNode>(
  node: T,
  path: readonly number[],
  depth: number,
  edit: (node: T | MdNode) => MdTree | MdNode,
): T {
  if (depth === path.length) return edit(node) as T;
  const children = node.c ?? [];
  const index = path[depth];
  const child = children[index];
  if (child === undefined) throw new RangeError(`no child ${index} of ${children.length}`);
  const copy = children.slice();
  copy[index] = change(child, path, depth + 1, edit as (node: MdNode) => MdTree | MdNode);
  return { ...node, c: copy };
}
