// Builds the core to `pkg/`: cargo → wasm-bindgen → wasm-opt. Prints the size of each stage.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const shim = join(dirname(fileURLToPath(import.meta.url)), '..');
const root = join(shim, '..');
const run = (command, args) => {
  // What failed has said so itself.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`${command} can't be run: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
};

// Panic messages name source files; without this they would name the builder's folders.
const sources = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry', 'src');
const registries = existsSync(sources) ? readdirSync(sources).map((name) => join(sources, name)) : [];
// The last prefix that fits is taken.
const remap = [...[sources, ...registries].map((folder) => `${folder}=/deps`), `${root}=/persai`].map(
  (pair) => `--remap-path-prefix=${pair}`,
);
process.env.CARGO_ENCODED_RUSTFLAGS = remap.join('\x1f');

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
// Less inlining than -Oz does by itself: the file is larger by 1 %, and smaller by 6 % as it is served.
const inlining = ['--one-caller-inline-max-function-size=10', '--flexible-inline-max-function-size=5'];
run(process.execPath, [
  join(shim, 'node_modules', 'binaryen', 'bin', 'wasm-opt'),
  '-Oz',
  ...inlining,
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
