// `make bench`: every figure beside its baseline, measured in this one run, to bench/results.json.
// `node bench/run.mjs sizes|markdown|relay …` runs only those.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { once } from './processes.mjs';
import { relay } from './relay.mjs';
import { sizes } from './sizes.mjs';

const wanted = process.argv.slice(2);
const wants = (part) => wanted.length === 0 || wanted.includes(part);
const results = [];

if (wants('sizes')) {
  const measured = sizes();
  console.table(measured.each);
  results.push(...measured.results);
}
if (wants('markdown')) results.push(...(await once('node', ['bench/markdown/bench.mjs'])));
if (wants('relay')) {
  execFileSync('cargo', ['build', '--release', '-p', 'persai-relay', '-p', 'persai-playground', '-p', 'persai-bench'], { stdio: 'inherit' });
  results.push(...(await relay()));
}

if (results.length === 0) throw new Error('nothing was measured');
const short = (value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
console.table(results.map(({ name, unit, ours, baseline, ratio, goal }) => ({ name, unit, ours: short(ours), baseline: short(baseline), ratio: short(ratio), goal })));
writeFileSync('bench/results.json', `${JSON.stringify({ at: new Date().toISOString(), results }, null, 2)}\n`);
