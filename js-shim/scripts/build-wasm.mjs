// Builds the core to `pkg/`: cargo → wasm-bindgen → wasm-opt. Prints the size of each stage.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const shim = join(dirname(fileURLToPath(import.meta.url)), '..');
const root = join(shim, '..');
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' });

run('cargo', ['build', '-p', 'plugin-wasm', '--target', 'wasm32-unknown-unknown', '--profile', 'wasm']);
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const built = join(target, 'wasm32-unknown-unknown', 'wasm', 'plugin_wasm.wasm');

const ours = join(root, '.tools', 'bin', 'wasm-bindgen');
run(existsSync(ours) ? ours : 'wasm-bindgen', ['--target', 'web', '--out-dir', join(shim, 'pkg'), built]);

const bound = join(shim, 'pkg', 'plugin_wasm_bg.wasm');
const before = statSync(bound).size;
// What rustc's wasm32-unknown-unknown takes for granted since LLVM 20, and no more.
const features = [
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-reference-types',
  '--enable-multivalue',
];
run(process.execPath, [
  join(shim, 'node_modules', 'binaryen', 'bin', 'wasm-opt'),
  '-Oz',
  ...features,
  '--strip-debug',
  '--strip-producers',
  bound,
  '-o',
  bound,
]);

const bytes = readFileSync(bound);
console.log(
  `plugin_wasm_bg.wasm: ${statSync(built).size} built, ${before} bound, ${bytes.length} optimised, ${gzipSync(bytes, { level: 5 }).length} gzip -5`,
);
