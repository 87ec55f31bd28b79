// Starts a bounded number of processes for one benchmark and ends them by the pid that was started.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const started = [];

/** Starts a server; resolves when it has printed a JSON line (or when `ready(line)` says so). */
export function start(command, args, { env = {}, ready = (line) => line.startsWith('{') && JSON.parse(line) } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  started.push(child);
  return new Promise((resolve, reject) => {
    const seen = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (seen.length < 50) seen.push(line);
        const said = ready(line);
        if (said) resolve({ child, pid: child.pid, said });
      });
    }
    child.on('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${seen.join('\n')}`)));
    setTimeout(() => reject(new Error(`${command} was not ready in time:\n${seen.join('\n')}`)), 30_000).unref();
  });
}

/** Runs a program to its end; resolves to the last JSON line of its output. */
export function once(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
    const lines = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    child.on('close', (code) => {
      const json = lines.filter((line) => line.startsWith('{'));
      if (code !== 0 || json.length === 0) reject(new Error(`${command} ${args.join(' ')} ended with ${code}`));
      else resolve(json.map((line) => JSON.parse(line)));
    });
  });
}

export function stopAll() {
  for (const child of started) if (child.exitCode === null) child.kill('SIGTERM');
}
