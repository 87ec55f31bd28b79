// What a browser fetches of the plugin before the first answer, as Perses serves it (gzip level 5) and in brotli.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = 'js-shim/dist';

function files(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

/** Every script, style and wasm file of the built plugin counts, and its manifest: none of them is loaded later. */
export function sizes() {
  const counted = files(dist).filter((path) => /\.(js|css|wasm)$/.test(path) || path.endsWith('mf-manifest.json'));
  if (!counted.some((path) => path.endsWith('.wasm'))) throw new Error(`no wasm in ${dist}: run make plugin`);
  let gzip = 0;
  let brotli = 0;
  const each = [];
  for (const path of counted) {
    const bytes = readFileSync(path);
    const zipped = gzipSync(bytes, { level: 5 }).length;
    const smaller = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    gzip += zipped;
    brotli += smaller;
    each.push({ path, bytes: bytes.length, gzip5: zipped, brotli: smaller });
  }
  const goal = 210 * 1024;
  return {
    each,
    results: [
      { name: 'plugin before the first answer, as served (gzip 5)', unit: 'bytes', ours: gzip, baseline: goal, ratio: gzip / goal, goal: '<= 1 (210 KB)' },
      { name: 'plugin before the first answer, brotli 11', unit: 'bytes', ours: brotli, baseline: null, ratio: null, goal: null },
    ],
  };
}
