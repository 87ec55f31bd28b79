// The one core of this page: loads the wasm once, holds its handle and the view store. At module level, since leaving
// Explore unmounts the plugin while a run goes on.

import type { Command, HostEnv, Patch, TroubleView } from './generated/view';
import { coreStopped, type LoadStage, loadTrouble } from './load-trouble';
import { ViewStore } from './store';

export type CoreState =
  | { kind: 'loading' }
  | { kind: 'failed'; trouble: TroubleView }
  /** `refused`: why the last command could not be done, a sentence for the reader. */
  | { kind: 'ready'; refused?: string };

interface Handle {
  dispatch(command: string): string | undefined;
  snapshot(): string;
}

export const store = new ViewStore();

let state: CoreState = { kind: 'loading' };
let loading: Promise<void> | undefined;
let handle: Handle | undefined;
let started = false;
const stateListeners = new Set<() => void>();

export function getCoreState(): CoreState {
  return state;
}

export function subscribeCoreState(listener: () => void): () => void {
  stateListeners.add(listener);
  return () => stateListeners.delete(listener);
}

function setState(next: CoreState): void {
  state = next;
  for (const listener of stateListeners) listener();
}

/** Loads the core unless it is there or on its way. Never rejects: what goes wrong is the state `failed`. */
export function loadCore(): Promise<void> {
  loading ??= load().catch((failure: unknown) => {
    loading = undefined;
    setState({ kind: 'failed', trouble: failure as TroubleView });
  });
  return loading;
}

/** Tries again after a failure: where the core itself stopped, only a new page helps. */
export function retryLoad(): void {
  if (handle) {
    window.location.reload();
    return;
  }
  setState({ kind: 'loading' });
  void loadCore();
}

async function load(): Promise<void> {
  let stage: LoadStage = 'download';
  const url = new URL('../pkg/plugin_wasm_bg.wasm', import.meta.url);
  try {
    const [glue, response] = await Promise.all([import('../pkg/plugin_wasm.js'), fetch(url)]);
    if (!response.ok) throw new Error(`${url.pathname} answered HTTP ${response.status}.`);
    stage = 'compile';
    await glue.default({ module_or_path: response });
    stage = 'start';
    handle = new glue.Persai(takePatches);
    setState({ kind: 'ready' });
  } catch (error) {
    throw loadTrouble(stage, url.href, error);
  }
}

function takePatches(json: string): void {
  if (store.apply(JSON.parse(json) as Patch[]) || !handle) return;
  console.warn('PersAI: the view was out of step with the core and was read anew');
  readAnew();
}

/** Builds the view again from the core's own state. */
export function readAnew(): void {
  if (handle) store.reset(JSON.parse(handle.snapshot()) as Patch[]);
}

/** Tells the core something; false where it was not taken. Before the core has been loaded nothing is. */
export function dispatch(command: Command): boolean {
  if (!handle || state.kind !== 'ready') return false;
  try {
    const refused = handle.dispatch(JSON.stringify(command));
    if (refused !== state.refused) setState({ kind: 'ready', refused });
    return refused === undefined;
  } catch (error) {
    console.error('PersAI: the core stopped', error);
    setState({ kind: 'failed', trouble: coreStopped(error) });
    return false;
  }
}

/** The first `start` of this page; later mounts only tell the time range. */
export function startOrResume(env: HostEnv): void {
  if (started) {
    dispatch({ type: 'setTimeRange', timeRange: env.timeRange, utcOffsetMinutes: env.utcOffsetMinutes });
  } else {
    started = true;
    dispatch({ type: 'start', env });
  }
}
