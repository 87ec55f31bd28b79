// Streamed markdown: our wasm against streaming-markdown (smd) and against parsing the whole again, in one process.
// Both sides decode the same SSE frames. One JSON line per figure: {name, ours, baseline, ratio, goal, unit}.
import * as smd from 'streaming-markdown';
import { frames, mixed, single } from './answer.mjs';
import { animate, load } from './core.mjs';

const { glue } = await load();
const encoder = new TextEncoder();
const begin = [
  { type: 'RUN_STARTED', threadId: 'thread-1', runId: 'run-1' },
  { type: 'TEXT_MESSAGE_START', messageId: 'msg-1', role: 'assistant' },
].map((event, index) => encoder.encode(`id: ${index + 1}\ndata: ${JSON.stringify(event)}\n\n`));

/** The product: bytes in, patches out as JSON, parsed as the shim parses them. Drawing is counted, not done. */
function ours(pieces) {
  let drawn = 0;
  const handle = new glue.Persai((json) => {
    for (const patch of JSON.parse(json)) if (patch.op === 'md') drawn += patch.ops.length;
  });
  for (const piece of begin) handle.feed_sse(piece);
  animate();
  for (const piece of pieces) {
    handle.feed_sse(piece);
    animate();
  }
  handle.free();
  return drawn;
}

/** Calls `take(delta)` for each text event of the stream: what every JS client has to do. */
function decode(pieces, take) {
  const decoder = new TextDecoder();
  let buffer = '';
  for (const piece of pieces) {
    buffer += decoder.decode(piece, { stream: true });
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const frame = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      const data = frame.slice(frame.indexOf('data: ') + 6);
      const event = JSON.parse(data);
      if (event.type === 'TEXT_MESSAGE_CONTENT') take(event.delta);
    }
  }
}

function appendOnly(pieces) {
  let drawn = 0;
  const count = () => {
    drawn += 1;
  };
  const parser = smd.parser({ data: null, add_token: count, end_token: count, add_text: count, set_attr: count });
  decode(pieces, (delta) => smd.parser_write(parser, delta));
  smd.parser_end(parser);
  return drawn;
}

/** Parses the whole text after each piece. Where that takes too long, only after some, spread evenly; then it is scaled. */
function whole(pieces, probes) {
  const every = Math.max(1, Math.floor(pieces.length / probes));
  let text = '';
  let index = 0;
  let drawn = 0;
  let sampled = 0;
  decode(pieces, (delta) => {
    text += delta;
    index += 1;
    if (index % every !== 0) return;
    const start = process.cpuUsage();
    drawn += JSON.parse(glue.parse_whole(text)).length;
    sampled += micros(start);
  });
  if (drawn === 0) throw new Error('nothing was parsed');
  return sampled * every;
}

const micros = (start) => {
  const used = process.cpuUsage(start);
  return used.user + used.system;
};

/** Least CPU time of several runs, microseconds; the two sides take turns. */
function least(sides, runs) {
  const best = sides.map(() => Infinity);
  for (let run = 0; run < runs; run += 1) {
    sides.forEach((side, index) => {
      globalThis.gc?.();
      const start = process.cpuUsage();
      if (side() === 0) throw new Error('nothing was drawn');
      best[index] = Math.min(best[index], micros(start));
    });
  }
  return best;
}

const say = (result) => console.log(JSON.stringify(result));
const KB = 1024;

// Both engines compile what is hot while it runs; neither side shall pay for that in the figures.
for (let round = 0; round < 5; round += 1) {
  const warm = frames(mixed(64 * KB), 4);
  ours(warm);
  appendOnly(warm);
}

const totals = {};
for (const size of [4, 40]) {
  for (const kb of [4, 32, 256]) {
    const pieces = frames(mixed(kb * KB), size);
    const runs = { 4: 40, 32: 15, 256: 4 }[kb];
    const [our, their] = least([() => ours(pieces), () => appendOnly(pieces)], runs);
    totals[`${size}/${kb}`] = our;
    const goal = size === 4 && kb === 32 ? '<= 3' : null;
    const name = `markdown, mixed ${kb} KB in pieces of ${size}`;
    say({ name: `${name}, against smd`, unit: 'CPU µs per piece', ours: our / pieces.length, baseline: their / pieces.length, ratio: our / their, goal });
    const again = whole(pieces, 24);
    say({ name: `${name}, against parsing all again`, unit: 'CPU µs per piece', ours: our / pieces.length, baseline: again / pieces.length, ratio: our / again, goal: null });
  }
  const exponent = (from, to) => Math.log(totals[`${size}/${to}`] / totals[`${size}/${from}`]) / Math.log(to / from);
  for (const [from, to] of [[4, 32], [32, 256], [4, 256]]) {
    say({ name: `markdown, growth ${from} to ${to} KB in pieces of ${size}`, unit: 'exponent', ours: exponent(from, to), baseline: 1, ratio: exponent(from, to), goal: '<= 1.15' });
  }
}
for (const kind of ['paragraph', 'list', 'table', 'fence']) {
  const pieces = frames(single(kind, 32 * KB), 4);
  const [our, their] = least([() => ours(pieces), () => appendOnly(pieces)], 4);
  say({ name: `markdown, one ${kind} of 32 KB in pieces of 4, against smd`, unit: 'CPU µs per piece', ours: our / pieces.length, baseline: their / pieces.length, ratio: our / their, goal: null });
}
