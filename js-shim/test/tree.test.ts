import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MdNode, Patch } from '../src/generated/view';
import { ViewStore } from '../src/store';
import { applyMdOps, EMPTY_TREE, type MdTree } from '../src/tree';

const text = (x: string): MdNode => ({ t: 'text', x });
const p = (...c: MdNode[]): MdNode => ({ t: 'p', c });

test('a splice replaces the children from an index on and keeps the ones before it', () => {
  const first = applyMdOps(EMPTY_TREE, [{ path: [], from: 0, nodes: [p(text('a')), p(text('b'))] }]);
  const second = applyMdOps(first, [{ path: [], from: 1, nodes: [p(text('c')), p(text('d'))] }]);
  assert.deepEqual(second.c, [p(text('a')), p(text('c')), p(text('d'))]);
  assert.equal(second.c[0], first.c[0]);
});

test('an append changes only the nodes on its path', () => {
  const list: MdNode = {
    t: 'list',
    c: [
      { t: 'item', c: [p(text('one'))] },
      { t: 'item', c: [p(text('two'))] },
    ],
  };
  const before: MdTree = { c: [p(text('frozen')), list] };
  const after = applyMdOps(before, [{ path: [1, 1, 0, 0], append: ' more' }]);
  assert.equal(after.c[1].c?.[1].c?.[0].c?.[0].x, 'two more');
  assert.equal(after.c[0], before.c[0]);
  assert.equal(after.c[1].c?.[0], before.c[1].c?.[0]);
  assert.notEqual(after.c[1], before.c[1]);
  assert.equal(list.c?.[1].c?.[0].c?.[0].x, 'two', 'the old tree stays as it was');
});

test('an append to a node without text starts one', () => {
  const tree = applyMdOps({ c: [{ t: 'code' }] }, [
    { path: [0], append: 'let' },
    { path: [0], append: ' x' },
  ]);
  assert.equal(tree.c[0].x, 'let x');
});

test('children can be spliced into a node that has none', () => {
  const tree = applyMdOps({ c: [{ t: 'quote' }] }, [{ path: [0], from: 0, nodes: [p(text('q'))] }]);
  assert.deepEqual(tree.c[0].c, [p(text('q'))]);
});

test('an op that names a missing node is refused', () => {
  assert.throws(() => applyMdOps(EMPTY_TREE, [{ path: [0], append: 'x' }]), RangeError);
  assert.throws(() => applyMdOps(EMPTY_TREE, [{ path: [], from: 1, nodes: [] }]), RangeError);
  assert.throws(() => applyMdOps(EMPTY_TREE, [{ path: [], append: 'x' }]), RangeError);
});

test('a batch tells each changed key once, after all of it was applied', () => {
  const store = new ViewStore();
  const seen: string[] = [];
  store.subscribe('md/m/0', () => seen.push((store.get('md/m/0') as MdTree).c[0].c?.[0].x ?? ''));
  store.subscribe('app', () => seen.push('app'));
  const patches: Patch[] = [
    { op: 'set', key: 'md/m/0', value: { view: 'markdown' } },
    { op: 'md', key: 'md/m/0', ops: [{ path: [], from: 0, nodes: [p(text('a'))] }] },
    { op: 'md', key: 'md/m/0', ops: [{ path: [0, 0], append: 'b' }] },
  ];
  assert.equal(store.apply(patches), true);
  assert.deepEqual(seen, ['ab']);
});

test('a patch that does not fit is reported and the others are applied', () => {
  const store = new ViewStore();
  const fits = store.apply([
    { op: 'md', key: 'md/m/0', ops: [{ path: [3], append: 'x' }] },
    { op: 'md', key: 'md/n/0', ops: [{ path: [], from: 0, nodes: [p()] }] },
  ]);
  assert.equal(fits, false);
  assert.equal((store.get('md/n/0') as MdTree).c.length, 1);
});

test('a reset forgets what the snapshot does not have, and tells who showed it', () => {
  const store = new ViewStore();
  store.apply([{ op: 'set', key: 'md/old/0', value: { view: 'markdown' } }]);
  let told = 0;
  store.subscribe('md/old/0', () => told++);
  store.reset([{ op: 'set', key: 'md/new/0', value: { view: 'markdown' } }]);
  assert.equal(store.get('md/old/0'), undefined);
  assert.equal(store.get('md/new/0'), EMPTY_TREE);
  assert.equal(told, 1);
});
