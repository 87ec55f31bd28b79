// Starts the Perses stand-in, once as 0.53 with a real Prometheus behind it, once as 0.52.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, spawnForJson } from "./process.mjs";

const program = process.env.PERSAI_PLAYGROUND ?? join(root, "target/debug/persai-playground");

/** What the built-in world calls the things that the cases need. */
export const namesOfTheWorld = {
  user: "alice",
  password: "alice-password",
  datasource: "prometheus",
  getOnlyDatasource: "get-only",
  echoDatasource: "echo",
  unauthorizedDatasource: "unauthorized",
  failingDatasource: "failing",
  brokenDatasource: "broken",
  directDatasource: "direct",
  project: "team-a",
};

/** The targets; `stop` gets a function for each thing that was started. */
export async function startStandIns(stop) {
  const { demo, plugins } = await startPlayground(stop);
  const short = await spawnForJson(program, ["perses", "--access-ttl-secs", "0"], stop);
  const oldArgs = ["perses", "--version", "0.52", "--prometheus", demo.urls.prometheus, "--plugin", plugins];
  const old = await spawnForJson(program, oldArgs, stop);

  const expiredToken = await tokenOf(short.url, "alice");
  const known = async (url) => ({
    ...namesOfTheWorld,
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

/** Prometheus, the stand-in and the upstreams that make trouble. */
export async function startPlayground(stop) {
  const stateDir = await mkdtemp(join(tmpdir(), "persai-parity-"));
  stop.push(() => rm(stateDir, { recursive: true, force: true }));
  const plugins = await fixturePlugin(join(stateDir, "plugins"));
  const args = ["demo", "--json", "--no-relay", "--no-wait", "--port", "0", "--hours", "1", "--state-dir", stateDir];
  const demo = await spawnForJson(program, [...args, "--plugin", plugins], stop);
  return { demo, plugins, stateDir };
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

export async function tokenOf(url, user) {
  const answer = await fetch(`${url}/api/auth/providers/native/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: user, password: `${user}-password` }),
  });
  return (await answer.json()).access_token;
}
