// The plugin's wasm in node, driven as the browser drives it: bytes go to the handle, patches come in an animation frame.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// The features of js-shim/scripts/build-wasm.mjs, and its optimisation: this is the product's build and one more export.
const wasmOpt = ['-Oz', '--one-caller-inline-max-function-size=10', '--flexible-inline-max-function-size=5', '--enable-bulk-memory', '--enable-nontrapping-float-to-int', '--enable-sign-ext', '--enable-mutable-globals', '--enable-reference-types', '--enable-multivalue'];

/** Builds and loads it. `PERSAI_BENCH_WASM_OPT` (0 to 3, s, z) builds with another opt-level, to compare. */
export async function load() {
  const level = process.env.PERSAI_BENCH_WASM_OPT;
  const env = level ? { ...process.env, CARGO_PROFILE_WASM_OPT_LEVEL: level } : process.env;
  const run = (command, args) => execFileSync(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  run('cargo', ['build', '-q', '-p', 'plugin-wasm', '--target', 'wasm32-unknown-unknown', '--profile', 'wasm', '--features', 'bench']);
  const target = env.CARGO_TARGET_DIR ?? join(root, 'target');
  const out = join(root, '.cache', 'bench-markdown');
  mkdirSync(out, { recursive: true });
  const cli = join(root, '.tools', 'bin', 'wasm-bindgen');
  run(existsSync(cli) ? cli : 'wasm-bindgen', ['--target', 'web', '--out-dir', out, join(target, 'wasm32-unknown-unknown', 'wasm', 'plugin_wasm.wasm')]);
  const bound = join(out, 'plugin_wasm_bg.wasm');
  const optimiser = join(root, 'js-shim', 'node_modules', 'binaryen', 'bin', 'wasm-opt');
  if (!existsSync(optimiser)) throw new Error('wasm-opt is missing: run npm ci in js-shim');
  run(process.execPath, [optimiser, ...wasmOpt.with(0, level === '3' ? '-O3' : '-Oz'), '--strip-debug', '--strip-producers', bound, '-o', bound]);
  // Node takes the glue as a module only by this name.
  renameSync(join(out, 'plugin_wasm.js'), join(out, 'plugin_wasm.mjs'));
  page();
  const glue = await import(pathToFileURL(join(out, 'plugin_wasm.mjs')).href);
  const bytes = readFileSync(bound);
  glue.initSync({ module: bytes });
  return { glue, bytes };
}

let frame;

/** As much of a page as the handle asks for. */
function page() {
  globalThis.Window = class {
    static [Symbol.hasInstance](value) {
      return value === globalThis;
    }
  };
  globalThis.requestAnimationFrame = (callback) => {
    frame = callback;
    return 1;
  };
}

/** Runs the animation frame that was asked for. */
export function animate() {
  const callback = frame;
  frame = undefined;
  callback?.(0);
}
