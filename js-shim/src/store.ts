// The view as the core last told it: key → value, with one set of listeners per key, so that a change renders only what
// shows that key. Keys: `app`, `message/<id>`, `tool/<toolCallId>`, `md/<messageId>/<part>`.

import type { Patch, ViewNode } from './generated/view';
import { applyMdOps, EMPTY_TREE, type MdTree } from './tree';

export type StoreValue = ViewNode | MdTree;

export class ViewStore {
  private readonly values = new Map<string, StoreValue>();
  private readonly listeners = new Map<string, Set<() => void>>();

  get(key: string): StoreValue | undefined {
    return this.values.get(key);
  }

  subscribe(key: string, listener: () => void): () => void {
    let set = this.listeners.get(key);
    if (!set) {
      set = new Set();
      this.listeners.set(key, set);
    }
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(key);
    };
  }

  /** Applies all patches, then tells each changed key once. Returns false where a patch did not fit. */
  apply(patches: readonly Patch[]): boolean {
    const changed = new Set<string>();
    let fits = true;
    for (const patch of patches) {
      try {
        this.applyOne(patch);
      } catch {
        fits = false;
      }
      changed.add(patch.key);
    }
    this.tell(changed);
    return fits;
  }

  /** Forgets everything and takes `patches` as the whole view. */
  reset(patches: readonly Patch[]): boolean {
    const gone = new Set(this.values.keys());
    this.values.clear();
    const fits = this.apply(patches);
    this.tell(gone);
    return fits;
  }

  private applyOne(patch: Patch): void {
    switch (patch.op) {
      case 'set':
        this.values.set(patch.key, patch.value.view === 'markdown' ? EMPTY_TREE : patch.value);
        break;
      case 'remove':
        this.values.delete(patch.key);
        break;
      case 'md': {
        const tree = this.values.get(patch.key) ?? EMPTY_TREE;
        if ('view' in tree) throw new RangeError('not a markdown tree');
        this.values.set(patch.key, applyMdOps(tree, patch.ops));
        break;
      }
    }
  }

  private tell(keys: Iterable<string>): void {
    for (const key of keys) {
      for (const listener of this.listeners.get(key) ?? []) listener();
    }
  }
}
