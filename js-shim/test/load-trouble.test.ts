import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTrouble } from '../src/load-trouble';

const url = 'https://perses.example/plugins/PersAI/core.wasm';

test('a policy that forbids WebAssembly is told from a broken file', () => {
  const chromium = new Error(
    "WebAssembly.compile(): Compiling or instantiating WebAssembly module violates the following Content Security policy directive because 'unsafe-eval' is not an allowed source",
  );
  const firefox = new Error('call to WebAssembly.instantiateStreaming() blocked by CSP');
  assert.equal(loadTrouble('compile', url, chromium).code, 'wasmForbidden');
  assert.equal(loadTrouble('compile', url, firefox).code, 'wasmForbidden');
  assert.match(loadTrouble('compile', url, firefox).todo, /wasm-unsafe-eval/);
  const broken = loadTrouble('compile', url, new Error('expected magic word 00 61 73 6d'));
  assert.equal(broken.code, 'wasmBroken');
  assert.match(broken.why, /expected magic word/);
});

test('a file that does not arrive names the cause, and can be retried', () => {
  const trouble = loadTrouble('download', url, new Error(`${url} answered HTTP 404.`));
  assert.equal(trouble.code, 'wasmMissing');
  assert.equal(trouble.canRetry, true);
  assert.match(trouble.why, /HTTP 404/);
});

test('every stage says what, why and what to do', () => {
  for (const stage of ['download', 'compile', 'start'] as const) {
    const { what, why, todo } = loadTrouble(stage, url, 'a text that was thrown');
    assert.ok(what && why.includes('a text that was thrown') && todo, stage);
  }
});
