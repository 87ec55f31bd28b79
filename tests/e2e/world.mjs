// The world that the end-to-end tests run in: one `persai-playground demo --json`, started here and ended by its pid.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts the demo and resolves to what it says of itself when it is ready (see playground/src/main.rs). */
export async function startWorld(args = [], { env = {}, timeoutMs = 120_000 } = {}) {
  const child = spawn('target/debug/persai-playground', ['demo', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.startsWith('{')) resolve(JSON.parse(line));
    });
    child.on('exit', (code) => reject(new Error(`the demo ended with ${code} before it was ready`)));
    setTimeout(() => reject(new Error('the demo was not ready in time')), timeoutMs).unref();
  });
  try {
    const world = await ready;
    return { ...world, child, stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await once(child, 'exit');
  clearTimeout(timer);
}
