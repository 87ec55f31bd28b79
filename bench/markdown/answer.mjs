// A mixed answer of any length, always the same: headings, paragraphs with marks, lists, tables, fences.

const words = `the rate of requests went up after deploy and memory stays flat while latency at the 99th percentile grows on
two nodes because garbage collection pauses add to queueing so look at saturation first then compare with yesterday`.split(/\s+/);

function generator(seed) {
  let state = seed;
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const some = (count) => Array.from({ length: count }, () => words[below(words.length)]).join(' ');
  return { below, some };
}

const queries = ['sum by (mode) (rate(node_cpu_seconds_total[5m]))', 'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', 'up == 0'];

function sentence({ below, some }) {
  const marks = [
    () => `**${some(2)}**`,
    () => `*${some(2)}*`,
    () => `\`${words[below(words.length)]}_total\``,
    () => `[${some(2)}](https://example.org/${words[below(words.length)]})`,
    () => `${below(1000) / 10} %`,
  ];
  const mark = below(3) === 0 ? ` ${marks[below(marks.length)]()}` : '';
  const text = some(6 + below(10));
  return `${text[0].toUpperCase()}${text.slice(1)}${mark} ${some(2 + below(5))}.`;
}

const blocks = [
  (random) => `${'#'.repeat(2 + random.below(2))} ${random.some(3)}\n\n`,
  (random) => `${Array.from({ length: 2 + random.below(4) }, () => sentence(random)).join(random.below(4) === 0 ? '\n' : ' ')}\n\n`,
  (random) => `${Array.from({ length: 3 + random.below(5) }, () => `- ${random.below(3) === 0 ? `**${random.some(1)}**: ` : ''}${random.some(4 + random.below(6))}\n`).join('')}\n`,
  (random) => `${Array.from({ length: 3 + random.below(3) }, (_, index) => `${index + 1}. ${sentence(random)}\n`).join('')}\n`,
  (random) => {
    const rows = Array.from({ length: 3 + random.below(5) }, () => `| node-${random.below(9)} | ${random.below(100)} % | ${random.some(2)} |\n`);
    return `| instance | usage | note |\n| --- | ---: | --- |\n${rows.join('')}\n`;
  },
  (random) => {
    const lines = Array.from({ length: 2 + random.below(8) }, () => `  ${queries[random.below(queries.length)]}\n`);
    return `\`\`\`promql\n${lines.join('')}\`\`\`\n\n`;
  },
];
// Paragraphs are what answers have most of.
const order = [0, 1, 2, 1, 4, 1, 5, 1, 3, 1];

/** `length` characters, all of them ASCII. */
export function mixed(length) {
  const random = generator(42);
  let text = '';
  for (let index = 0; text.length < length; index += 1) text += blocks[order[index % order.length]](random);
  return text.slice(0, length);
}

/** One block of `length` characters. */
export function single(kind, length) {
  const random = generator(7);
  const part = {
    paragraph: () => `${sentence(random)} `,
    list: () => `- ${sentence(random)}\n`,
    table: () => `| ${random.some(2)} | ${random.below(100)} | ${random.some(3)} |\n`,
    fence: () => `  ${queries[random.below(queries.length)]}\n`,
  }[kind];
  let text = { paragraph: '', list: '', table: '| a | b | c |\n| --- | --- | --- |\n', fence: '```promql\n' }[kind];
  while (text.length < length) text += part();
  return text.slice(0, length);
}

/** The answer as the relay streams it: one SSE frame of AG-UI for each piece of `size` characters. */
export function frames(text, size) {
  const encoder = new TextEncoder();
  const all = [];
  let id = 3;
  for (let at = 0; at < text.length; at += size) {
    const event = { type: 'TEXT_MESSAGE_CONTENT', messageId: 'msg-1', delta: text.slice(at, at + size) };
    all.push(encoder.encode(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`));
    id += 1;
  }
  return all;
}
