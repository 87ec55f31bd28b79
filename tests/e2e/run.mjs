// Runs the end-to-end tests: starts one demo for all of them, then node's test runner, one file after the other.
// `node tests/e2e/run.mjs [name…]` runs only the specs whose names contain one of the words.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorld } from './world.mjs';

const specs = 'tests/e2e/specs';
const wanted = process.argv.slice(2);
const files = readdirSync(specs)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .sort()
  .map((name) => `${specs}/${name}`);
if (files.length === 0) {
  console.error('no end-to-end test has such a name');
  process.exit(1);
}
mkdirSync('tests/e2e/screenshots', { recursive: true });
const state = mkdtempSync(join(tmpdir(), 'persai-e2e-'));
const world = await startWorld(['--port', '0', '--state-dir', state]);
let code = 1;
try {
  const { child, stop, ...facts } = world;
  const tests = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=180000', ...files], {
    stdio: 'inherit',
    env: { ...process.env, PERSAI_WORLD: JSON.stringify(facts) },
  });
  [code] = await once(tests, 'exit');
} finally {
  await world.stop();
  rmSync(state, { recursive: true, force: true });
}
process.exit(code ?? 1);
