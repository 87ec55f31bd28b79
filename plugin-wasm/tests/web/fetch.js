// A `fetch` for the tests: plays Perses and the relay with real Responses and real streams.

let log = [];
let streams = [];

const json = (value, status = 200) =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });

const capabilities = {
  product: 'persai', version: '0', protocol: { min: 1, max: 1 }, authentication: 'perses', user: 'ada',
  models: [{ id: 'builtin', title: 'Built-in engine', provider: 'builtin', builtin: true }],
  defaultModel: 'builtin', agUiVersion: '1.0', ignoredInputs: [], maxQuestionBytes: 1000,
};

function eventStream(signal) {
  let controller;
  const stream = { open: true };
  const body = new ReadableStream({
    start(c) { controller = c; },
    cancel() { stream.open = false; },
  });
  stream.send = (bytes) => controller.enqueue(bytes);
  stream.fail = () => { stream.open = false; controller.error(new TypeError('network error')); };
  signal?.addEventListener('abort', () => {
    if (stream.open) { stream.open = false; controller.error(new DOMException('aborted', 'AbortError')); }
  });
  streams.push(stream);
  return new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream' } });
}

function answer(mode, url, init) {
  if (mode === 'silent') return new Promise(() => {});
  if (url.endsWith('config.json')) return new Response('not found', { status: 404 });
  if (url.endsWith('/capabilities')) return json(capabilities);
  if (url.endsWith('/api/auth/refresh')) return json({});
  if (mode === 'refusing') return json({ code: 'persesTokenExpired', message: 'Expired.' }, 403);
  if (url.includes('/events?')) return eventStream(init.signal);
  if (url.endsWith('/conversations')) return json({ conversations: [] });
  if (url.endsWith('/agent')) {
    const input = JSON.parse(init.body);
    return json({ conversationId: input.threadId, runId: input.runId, firstSeq: 1, state: 'running' }, 202);
  }
  if (url.includes('globaldatasources'))
    return json([{ metadata: { name: 'prom' }, spec: { default: true, plugin: { kind: 'PrometheusDatasource', spec: {} } } }]);
  if (url.endsWith('/api/v1/plugins'))
    return json([{ spec: { plugins: [{ kind: 'Panel', spec: { name: 'TimeSeriesChart' } }] }, status: { isLoaded: true } }]);
  return new Response('not found', { status: 404 });
}

export function install(mode) {
  log = [];
  streams = [];
  localStorage.clear();
  sessionStorage.clear();
  globalThis.fetch = async (url, init = {}) => {
    log.push({ line: `${init.method ?? 'GET'} ${url}`, headers: new Headers(init.headers) });
    return answer(mode, String(url), init);
  };
}

export const requests = () => log.map((one) => one.line);

export function headersOf(part) {
  const found = log.filter((one) => one.line.includes(part)).pop();
  return JSON.stringify(Object.fromEntries(found?.headers ?? []));
}

export function push(text, cut) {
  const stream = streams.find((one) => one.open);
  if (!stream) return false;
  const bytes = new TextEncoder().encode(text);
  stream.send(bytes.slice(0, cut));
  stream.send(bytes.slice(cut));
  return true;
}

export const breakStream = () => streams.find((one) => one.open)?.fail();
export const openStreams = () => streams.filter((one) => one.open).length;
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));
