// Why the core could not be loaded, in words: what, why, what to do.

import type { TroubleView } from './generated/view';

export type LoadStage = 'download' | 'compile' | 'start';

export function loadTrouble(stage: LoadStage, url: string, error: unknown): TroubleView {
  const cause = error instanceof Error ? error.message : String(error);
  if (stage === 'compile' && /content security policy|unsafe-eval|\bCSP\b/i.test(cause)) {
    return {
      code: 'wasmForbidden',
      what: 'PersAI can’t start in this page.',
      why: 'The page’s content security policy forbids WebAssembly.',
      todo: "Ask the operator to add 'wasm-unsafe-eval' to script-src.",
      canRetry: true,
    };
  }
  if (stage === 'compile') {
    return {
      code: 'wasmBroken',
      what: 'PersAI’s core can’t be read.',
      why: `${url} is not the WebAssembly file that belongs to this plugin (${cause}).`,
      todo: 'Install the plugin archive again; a proxy may have replaced the file by a web page.',
      canRetry: true,
    };
  }
  if (stage === 'start') return coreStopped(error);
  return {
    code: 'wasmMissing',
    what: 'PersAI’s core can’t be loaded.',
    why: `A file of the plugin did not arrive: ${cause}`,
    todo: 'Check the connection and try again. If it stays so, the plugin’s files are not complete.',
    canRetry: true,
  };
}

export function coreStopped(error: unknown): TroubleView {
  return {
    code: 'coreStopped',
    what: 'PersAI stopped in this page.',
    why: `Its core met an error that it can’t go on from (${error instanceof Error ? error.message : String(error)}).`,
    todo: 'Reload the page. The conversation is kept by the relay.',
    canRetry: true,
  };
}
