// Programs that the runner starts, each ended by itself.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Starts a program; `stop` gets the function that ends it. */
function launch(program, args, stop, stdout) {
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", stdout, "inherit"] });
  const ended = new Promise((end) => child.once("close", end));
  stop.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return child;
}

/** Resolves with the line of JSON that the program prints when it is ready. */
export function spawnForJson(program, args, stop) {
  return new Promise((resolve, reject) => {
    const child = launch(program, args, stop, "pipe");
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const at = text.indexOf("\n");
      if (at >= 0) resolve(JSON.parse(text.slice(0, at)));
    });
    child.once("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`${program} ${args[0]} ended with ${code} before it was ready`)));
  });
}

/** Resolves once `isReady` says so. */
export async function spawnUntil(program, args, stop, isReady) {
  const child = launch(program, args, stop, "ignore");
  let fault;
  child.once("error", (error) => {
    fault = new Error(`${program} cannot be started: ${error.message}`);
  });
  child.once("exit", (code) => {
    fault ??= new Error(`${program} ended with ${code} before it was ready`);
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (fault) throw fault;
    if (await isReady().catch(() => false)) return;
    await new Promise((passed) => setTimeout(passed, 200));
  }
  throw new Error(`${program} was not ready after 40 s`);
}
