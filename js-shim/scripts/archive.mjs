// Packs the plugin as `percli plugin build` lays it out: package.json, README.md, LICENSE and everything in `dist/` at the
// archive's root. `dist/` itself becomes the unpacked plugin folder. The same input gives the same bytes.
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const shim = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(shim, 'dist');
if (!existsSync(join(dist, 'mf-manifest.json')))
  throw new Error('dist/mf-manifest.json is missing: run `npm run build` first');

const manifest = JSON.parse(readFileSync(join(dist, 'mf-manifest.json'), 'utf8'));
const full = JSON.parse(readFileSync(join(shim, 'package.json'), 'utf8'));
// Perses reads these fields; the rest of ours is for building.
const { name, version, license, description, perses } = full;
writeFileSync(
  join(dist, 'package.json'),
  `${JSON.stringify({ name, version, license, description, perses }, null, 2)}\n`,
);
copyFileSync(join(shim, 'README.md'), join(dist, 'README.md'));
copyFileSync(join(shim, '..', 'LICENSE'), join(dist, 'LICENSE'));

const files = walk(dist).sort();
const unwanted = files.filter(
  (file) => !/^(package\.json|README\.md|LICENSE|mf-manifest\.json|mf-stats\.json|__mf\/.+)$/.test(file),
);
if (unwanted.length > 0) throw new Error(`these files of dist/ have no place in a plugin: ${unwanted.join(', ')}`);

for (const old of readdirSync(shim).filter((file) => file.endsWith('.tar.gz'))) rmSync(join(shim, old));
const out = `${manifest.name}-${version}.tar.gz`;
const bytes = gzipSync(Buffer.concat([...files.map(entry), Buffer.alloc(1024)]), { level: 9 });
writeFileSync(join(shim, out), bytes);
console.log(`${out}: ${files.length} files, ${bytes.length} bytes`);

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item) => {
    const path = join(folder, item.name);
    return item.isDirectory() ? walk(path) : [relative(dist, path).replaceAll('\\', '/')];
  });
}

/** One file as ustar: a header of 512 bytes, then the content in blocks of 512. */
function entry(file) {
  if (Buffer.byteLength(file) > 100) throw new Error(`the path is too long for the archive: ${file}`);
  const content = readFileSync(join(dist, file));
  const header = Buffer.alloc(512);
  const field = (offset, text) => header.write(text, offset, 'latin1');
  const octal = (offset, length, value) => field(offset, `${value.toString(8).padStart(length - 1, '0')}\0`);
  field(0, file);
  octal(100, 8, 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, content.length);
  octal(136, 12, 0);
  field(148, '        ');
  field(156, '0');
  field(257, 'ustar\x0000');
  octal(
    148,
    7,
    header.reduce((sum, byte) => sum + byte, 0),
  );
  field(155, ' ');
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
