// The world behind the conversations: the playground's demo, with the scripted model as the default one.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export async function startDemo(stateDir) {
  const program = process.env.PERSAI_PLAYGROUND ?? join(root, "target/debug/persai-playground");
  const args = ["demo", "--json", "--port", "0", "--hours", "1", "--default-model", "scripted", "--state-dir", stateDir];
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((end) => child.once("exit", end));
  const summary = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const at = text.indexOf("\n");
      if (at >= 0) resolve(JSON.parse(text.slice(0, at)));
    });
    child.once("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code} before it was ready`)));
  });
  const { front, llm, control } = summary.urls;
  const post = async (url, body) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const login = await post(`${front}/api/auth/providers/native/login`, { login: "alice", password: "alice-password" });
  const authorization = `Bearer ${(await login.json()).access_token}`;
  return {
    front,
    authorization,
    openGate: (name) => post(`${llm}/__gate/${name}/open`),
    resetModel: () => post(`${llm}/__reset`),
    killRelay: () => post(`${control}/kill-relay`),
    startRelay: () => post(`${control}/start-relay`),
    /** A call of the REST API, as another client would make it. */
    rest: (path, init = {}) =>
      fetch(`${front}/persai/v1/${path}`, { ...init, headers: { authorization, ...init.headers } }),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
