// Parity: the same requests, with the same answers, at the Perses stand-in and at a real Perses.
//
//   node tests/parity/run.mjs                 against the stand-in: 0.53, then its 0.52 behaviour
//   PERSES_BINARY=perses PERSES_PLUGINS=folder node tests/parity/run.mjs
//                                             starts a real Perses 0.53 with the stand-in's world: every case runs
//   PERSES_URL=http://host:8080 PERSES_USER=u PERSES_PASSWORD=p PERSES_DATASOURCE=prom node tests/parity/run.mjs
//                                             against a Perses that runs (PERSES_VERSION=0.53 or 0.52)
//
// The cases are data: cases.json. A case that needs what a running Perses does not have is skipped, and named. To run
// those as well, make global datasources of these shapes and name them by the variables of `optional` below. Upstreams for
// them come from `persai-playground perses`, at its troubleUrl.
//
//   PERSES_GET_ONLY_DATASOURCE      a Prometheus, allowedEndpoints: GET of /api/v1/query
//   PERSES_ECHO_DATASOURCE          <troubleUrl>/echo
//   PERSES_UNAUTHORIZED_DATASOURCE  <troubleUrl>/unauthorized
//   PERSES_FAILING_DATASOURCE       <troubleUrl>/failing
//   PERSES_BROKEN_DATASOURCE        a port where nothing listens
//   PERSES_DIRECT_DATASOURCE        any directUrl
//   PERSES_PROJECT                  the project team-a, with a datasource alice-only
//   PERSES_BOB_TOKEN                of a user who may not read datasources of team-a
//   PERSES_GHOST_TOKEN              of a user who was deleted after it was issued

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createHmac } from "node:crypto";
import { check } from "./check.mjs";
import { startRealPerses } from "./real-perses.mjs";
import { startStandIns } from "./stand-in.mjs";

const optional = {
  getOnlyDatasource: "PERSES_GET_ONLY_DATASOURCE",
  echoDatasource: "PERSES_ECHO_DATASOURCE",
  unauthorizedDatasource: "PERSES_UNAUTHORIZED_DATASOURCE",
  failingDatasource: "PERSES_FAILING_DATASOURCE",
  brokenDatasource: "PERSES_BROKEN_DATASOURCE",
  directDatasource: "PERSES_DIRECT_DATASOURCE",
  project: "PERSES_PROJECT",
  wasmFile: "PERSES_WASM_FILE",
  expiredToken: "PERSES_EXPIRED_TOKEN",
  ghostToken: "PERSES_GHOST_TOKEN",
  bobToken: "PERSES_BOB_TOKEN",
};

async function main() {
  const cases = JSON.parse(await readFile(fileURLToPath(new URL("cases.json", import.meta.url)), "utf8"));
  const stop = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    const targets = await chooseTargets(stop);
    for (const target of targets) {
      console.log(`${target.title} (${target.version})`);
      await runAll(cases, target, total);
    }
  } finally {
    for (const end of stop.reverse()) await end();
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
}

async function chooseTargets(stop) {
  if (process.env.PERSES_URL) return [realPerses()];
  return process.env.PERSES_BINARY ? await startRealPerses(stop) : await startStandIns(stop);
}

function realPerses() {
  const known = {
    user: process.env.PERSES_USER,
    password: process.env.PERSES_PASSWORD,
    datasource: process.env.PERSES_DATASOURCE ?? "prom",
  };
  if (!known.user || !known.password) throw new Error("Set PERSES_USER and PERSES_PASSWORD beside PERSES_URL.");
  for (const [name, variable] of Object.entries(optional)) {
    if (process.env[variable]) known[name] = process.env[variable];
  }
  return {
    title: "real Perses",
    url: process.env.PERSES_URL.replace(/\/$/, ""),
    version: process.env.PERSES_VERSION ?? "0.53",
    known,
  };
}

async function runAll(cases, target, total) {
  const known = { ...target.known, ...(await signIn(target)) };
  known.datasourcePrefix = known.datasource.slice(0, -1);
  const plugins = await (await fetch(`${target.url}/api/v1/plugins`)).json();
  if (plugins.length > 0) known.plugin = plugins[0].metadata.name;

  for (const one of cases) {
    if (one.versions && !one.versions.includes(target.version)) continue;
    const missing = (one.needs ?? []).filter((name) => known[name] === undefined);
    if (missing.length > 0) {
      total.skipped += 1;
      console.log(`  skip  ${one.name} (needs ${missing.join(", ")})`);
      continue;
    }
    const faults = await runCase(one, target, known);
    total[faults.length > 0 ? "failed" : "passed"] += 1;
    if (faults.length > 0) console.log(`  FAIL  ${one.name}\n${faults.map((fault) => `          ${fault}`).join("\n")}`);
  }
}

/** The tokens that the cases use, from one login. */
async function signIn({ url, known }) {
  const answer = await fetch(`${url}/api/auth/providers/native/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: known.user, password: known.password }),
  });
  if (answer.status !== 200) throw new Error(`Cannot sign in at ${url}: ${answer.status} ${await answer.text()}`);
  const { access_token: token, refresh_token: refresh } = await answer.json();
  const at = token.lastIndexOf(".");
  const payload = token.slice(0, at);
  const wrongKey = createHmac("sha512", "another key").update(payload).digest("base64url");
  return { token, refresh, payload, signature: token.slice(at + 1), wrongKeyToken: `${payload}.${wrongKey}` };
}

async function runCase(one, target, known) {
  const { request, expect } = fill({ request: one.request, expect: one.expect }, known);
  const headers = { ...request.headers };
  if (request.auth === "bearer") headers.authorization = `Bearer ${known.token}`;
  if (request.auth === "bob") headers.authorization = `Bearer ${known.bobToken}`;
  if (request.auth === "cookies") headers.cookie = `jwtPayload=${known.payload}; jwtSignature=${known.signature}`;
  let body;
  if (request.form) {
    headers["content-type"] = "application/x-www-form-urlencoded";
    body = new URLSearchParams(request.form).toString();
  } else if (request.body !== undefined) {
    body = JSON.stringify(request.body);
  }
  try {
    const answer = await fetch(target.url + request.path, {
      method: request.method,
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(20_000),
    });
    return await check(answer, expect);
  } catch (error) {
    return [`no answer: ${error.message} ${error.cause?.message ?? ""}`];
  }
}

/** Replaces `{name}` in every text by what is known. */
function fill(value, known) {
  if (typeof value === "string") return value.replace(/\{(\w+)\}/g, (whole, name) => known[name] ?? whole);
  if (Array.isArray(value)) return value.map((one) => fill(one, known));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, known)]));
  }
  return value;
}

await main();
