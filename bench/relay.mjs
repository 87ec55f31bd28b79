// The relay against a bare pass-through that parses, side by side in one run: CPU per streamed run, time to the first
// text, memory per open stream. Both read the same upstream; the relay also asks Perses who it is, and stores every event.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once, start, stopAll } from './processes.mjs';

const bench = 'target/release/persai-bench';
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export async function relay({ rounds = 5, runs = 100, chunks = 300, streams = 200 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'persai-bench-'));
  try {
    const upstream = await start(bench, ['upstream']);
    const provider = `http://127.0.0.1:${upstream.said.port}/v1`;
    const floor = await start(bench, ['passthrough', '--upstream', provider]);
    const perses = await start('target/release/persai-playground', ['perses']);
    const persesUrl = perses.said.url ?? `http://127.0.0.1:${perses.said.port}`;
    const models = { fast: `count-${chunks}-0`, held: 'count-100000-200000' };
    const config = join(folder, 'relay.toml');
    writeFileSync(
      config,
      [
        'listen = "127.0.0.1:0"',
        `perses_url = "${persesUrl}"`,
        `data_dir = "${folder}/data"`,
        'log = "info"',
        ...Object.entries(models).flatMap(([id, model]) => [
          '[[providers]]', `id = "${id}"`, 'kind = "openaiChat"', `base_url = "${provider}"`, `model = "${model}"`, 'allow_http = true',
        ]),
      ].join('\n'),
    );
    const relay = await start('target/release/persai-relay', ['--config', config], {
      ready: (line) => line.match(/http:\/\/127\.0\.0\.1:(\d+)/)?.[1] ?? line.match(/127\.0\.0\.1:(\d+)/)?.[1],
    });
    const login = await fetch(`${persesUrl}/api/auth/providers/native/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login: 'alice', password: 'alice-password' }),
    });
    const token = (await login.json()).access_token;
    const ours = (more) => drive(['--pid', relay.pid, '--url', `http://127.0.0.1:${relay.said}`, '--token', token, ...more]);
    const theirs = (more) => drive(['--pid', floor.pid, '--url', `http://127.0.0.1:${floor.said.port}`, ...more]);

    // A warm-up each, then turn and turn about, so that a busy machine hits both.
    const size = ['--runs', runs, '--concurrency', 10];
    await ours(['--model', 'fast', ...size]);
    await theirs(['--model', models.fast, ...size]);
    const rows = { ours: [], theirs: [] };
    for (let round = 0; round < rounds; round += 1) {
      rows.ours.push(await ours(['--model', 'fast', ...size]));
      rows.theirs.push(await theirs(['--model', models.fast, ...size]));
    }
    for (const row of [...rows.ours, ...rows.theirs]) if (row.failed > 0) throw new Error(`${row.failed} runs failed`);
    const text = new Set([...rows.ours, ...rows.theirs].map((row) => row.textBytes));
    if (text.size !== 1) throw new Error(`not the same text came through: ${[...text]}`);

    const hold = ['--runs', streams, '--concurrency', streams, '--hold-millis', 6000];
    const memory = { ours: await ours(['--model', 'held', ...hold]), theirs: await theirs(['--model', models.held, ...hold]) };

    const cpu = (side) => median(rows[side].map((row) => row.cpuMillisPerRun));
    const first = (side, which) => median(rows[side].map((row) => row[which]));
    const row = (name, unit, mine, base, goal) => ({ name, unit, ours: mine, baseline: base, ratio: mine / base, goal });
    return [
      row(`relay CPU per streamed run of ${chunks} chunks`, 'ms', cpu('ours'), cpu('theirs'), '<= 2'),
      row('first text, p50 at 10 at once', 'us', first('ours', 'firstTextMicrosP50'), first('theirs', 'firstTextMicrosP50'), null),
      row('first text, p99 at 10 at once', 'us', first('ours', 'firstTextMicrosP99'), first('theirs', 'firstTextMicrosP99'), null),
      row(`memory per open stream, ${streams} open`, 'KB', memory.ours.kbPerStream, memory.theirs.kbPerStream, 'ours <= 100 KB'),
      row('memory before any stream is held', 'KB', memory.ours.idleKb, memory.theirs.idleKb, null),
    ];
  } finally {
    stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function drive(args) {
  return (await once(bench, ['drive', ...args.map(String)])).at(-1);
}
