// Runs a script of the chosen set: `node build.mjs build`. PERSES_SET is 052 (default), 053 or 054.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const set = process.env.PERSES_SET ?? '052';
const folder = join(dirname(fileURLToPath(import.meta.url)), 'sets', set);
if (!existsSync(join(folder, 'package.json'))) {
  console.error(`There is no set ${set}.`);
  process.exit(2);
}
// Without its packages `npx` and the like would ask a registry for a foreign package of the tool's name.
if (!existsSync(join(folder, 'node_modules'))) {
  console.error(`The set ${set} has no packages yet: run \`npm ci --ignore-scripts\` in playground/ui/sets/${set}.`);
  process.exit(2);
}
const { status } = spawnSync('npm', ['run', '--silent', process.argv[2] ?? 'build'], { cwd: folder, stdio: 'inherit' });
process.exit(status ?? 1);
