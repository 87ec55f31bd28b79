// Starts the Perses stand-in, once as 0.53 with a real Prometheus behind it, once as 0.52.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = process.env.PERSAI_PLAYGROUND ?? join(root, "target/debug/persai-playground");

/** The targets; `stop` gets a function for each thing that was started. */
export async function startStandIns(stop) {
  const stateDir = await mkdtemp(join(tmpdir(), "persai-parity-"));
  stop.push(() => rm(stateDir, { recursive: true, force: true }));
  const plugins = await fixturePlugin(join(stateDir, "plugins"));
  const args = ["demo", "--json", "--no-relay", "--port", "0", "--hours", "1", "--state-dir", stateDir];
  const demo = await start([...args, "--plugin", plugins], stop);
  const short = await start(["perses", "--access-ttl-secs", "0"], stop);
  const old = await start(
    ["perses", "--version", "0.52", "--prometheus", demo.urls.prometheus, "--plugin", plugins],
    stop,
  );

  const expiredToken = await tokenOf(short.url, "alice");
  const known = async (url) => ({
    user: "alice",
    password: "alice-password",
    datasource: "prometheus",
    getOnlyDatasource: "get-only",
    echoDatasource: "echo",
    unauthorizedDatasource: "unauthorized",
    failingDatasource: "failing",
    brokenDatasource: "broken",
    wasmFile: "/plugins/Fixture/__mf/wasm/fixture.module.wasm",
    expiredToken,
    ghostToken: await tokenOf(url, "ghost"),
    bobToken: await tokenOf(url, "bob"),
  });
  return [
    { title: "stand-in", url: demo.urls.perses, version: "0.53", known: await known(demo.urls.perses) },
    { title: "stand-in", url: old.url, version: "0.52", known: await known(old.url) },
  ];
}

/** A plugin module with one wasm file, laid out as `percli plugin build` does. */
async function fixturePlugin(folder) {
  const module = join(folder, "Fixture-0.1.0");
  const manifest = { name: "Fixture", metaData: { buildInfo: { buildVersion: "0.1.0" } } };
  const plugin = { kind: "Explore", spec: { display: { name: "Fixture" }, name: "FixtureExplorer" } };
  await mkdir(join(module, "__mf/wasm"), { recursive: true });
  await writeFile(join(module, "mf-manifest.json"), JSON.stringify(manifest));
  await writeFile(join(module, "package.json"), JSON.stringify({ perses: { plugins: [plugin] } }));
  await writeFile(join(module, "__mf/wasm/fixture.module.wasm"), Buffer.from("0061736d01000000", "hex"));
  return folder;
}

async function tokenOf(url, user) {
  const answer = await fetch(`${url}/api/auth/providers/native/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: user, password: `${user}-password` }),
  });
  return (await answer.json()).access_token;
}

/** Runs the playground; resolves with the line of JSON that it prints when it is ready. */
function start(args, stop) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((end) => child.once("exit", end));
    stop.push(async () => {
      child.kill("SIGTERM");
      await ended;
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const at = text.indexOf("\n");
      if (at >= 0) resolve(JSON.parse(text.slice(0, at)));
    });
    child.once("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code} before it was ready`)));
  });
}
