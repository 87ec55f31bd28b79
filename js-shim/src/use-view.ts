// React's side of the store: a component renders again only when the key that it shows has changed.

import { useCallback, useSyncExternalStore } from 'react';
import { type CoreState, getCoreState, store, subscribeCoreState } from './core';
import type { AppView, MessageView, ToolView } from './generated/view';
import type { StoreValue } from './store';
import { EMPTY_TREE, type MdTree } from './tree';

function useKey(key: string): StoreValue | undefined {
  const subscribe = useCallback((listener: () => void) => store.subscribe(key, listener), [key]);
  return useSyncExternalStore(subscribe, () => store.get(key));
}

export function useCoreState(): CoreState {
  return useSyncExternalStore(subscribeCoreState, getCoreState);
}

export function useApp(): AppView | undefined {
  const value = useKey('app');
  return value && 'view' in value && value.view === 'app' ? value : undefined;
}

export function useMessage(id: string): MessageView | undefined {
  const value = useKey(`message/${id}`);
  return value && 'view' in value && value.view === 'message' ? value : undefined;
}

export function useTool(toolCallId: string): ToolView | undefined {
  const value = useKey(`tool/${toolCallId}`);
  return value && 'view' in value && value.view === 'tool' ? value : undefined;
}

/** `key` as a message's part names it: `md/<messageId>/<n>`. */
export function useMarkdown(key: string): MdTree {
  const value = useKey(key);
  return value && !('view' in value) ? value : EMPTY_TREE;
}
