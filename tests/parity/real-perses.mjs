// Starts a real Perses 0.53 with the stand-in's own world (users, permissions, datasources), so that every case can run:
//
//   PERSES_BINARY=perses PERSES_PLUGINS=folder node tests/parity/run.mjs
//
// PERSES_PLUGINS is a folder of unpacked plugins with their schemas; Perses checks datasources against Prometheus'. It is
// copied, since Perses writes there; each has its module's name. Upstreams and Prometheus are those of the playground.

import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { root, spawnUntil } from "./process.mjs";
import { namesOfTheWorld, startPlayground, tokenOf } from "./stand-in.mjs";

const encryptionKey = "parity-tests-key-32-bytes-long-1";

export async function startRealPerses(stop) {
  const { demo, stateDir } = await startPlayground(stop);
  const text = await readFile(join(root, "playground/src/perses/default-world.json"), "utf8");
  const world = JSON.parse(
    text.replaceAll("{prometheus}", demo.urls.prometheus).replaceAll("{trouble}", demo.urls.trouble),
  );
  const url = await startOne(stateDir, "perses", world, "15m", stop);
  const short = await startOne(stateDir, "short", world, "1s", stop);
  const expiredToken = await tokenOf(short, "alice");
  const ghostToken = await tokenOf(url, "ghost");
  const admin = { authorization: `Bearer ${await tokenOf(url, "admin")}` };
  const removed = await fetch(`${url}/api/v1/users/ghost`, { method: "DELETE", headers: admin });
  if (!removed.ok) throw new Error(`ghost cannot be deleted: ${removed.status} ${await removed.text()}`);
  await new Promise((passed) => setTimeout(passed, 1_500));
  const wasm = (await readdir(process.env.PERSES_PLUGINS, { recursive: true })).find((file) => file.endsWith(".wasm"));
  const wasmFile = wasm && `/plugins/${wasm}`;
  const known = { ...namesOfTheWorld, wasmFile, expiredToken, ghostToken, bobToken: await tokenOf(url, "bob") };
  return [{ title: "real Perses", url, version: "0.53", known }];
}

async function startOne(stateDir, name, world, ttl, stop) {
  const folder = join(stateDir, name);
  await mkdir(join(folder, "provisioning"), { recursive: true });
  // Perses loads no plugin at all where this one is missing.
  await mkdir(join(folder, "archives"));
  await cp(process.env.PERSES_PLUGINS, join(folder, "plugins"), { recursive: true });
  const resources = resourcesOf(world);
  await writeFile(join(folder, "provisioning/world.json"), JSON.stringify(resources));
  const config = join(folder, "config.yaml");
  await writeFile(config, JSON.stringify(configuration(folder, world, ttl), null, 2));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["--config", config, "--web.listen-address", `127.0.0.1:${port}`, "--log.level", "error"];
  await spawnUntil(process.env.PERSES_BINARY, args, stop, async () => {
    const token = await tokenOf(url, "admin").catch(() => undefined);
    if (!token) return false;
    const list = await fetch(`${url}/api/v1/globaldatasources`, { headers: { authorization: `Bearer ${token}` } });
    return (await list.json()).length >= resources.filter((one) => one.kind === "GlobalDatasource").length;
  });
  return url;
}

/** YAML is a superset of JSON. */
function configuration(folder, world, ttl) {
  return {
    security: {
      encryption_key: encryptionKey,
      enable_auth: true,
      authorization: { provider: { native: { enable: true, guest_permissions: world.guestPermissions } } },
      authentication: { access_token_ttl: ttl, disable_sign_up: true, providers: { enable_native: true } },
    },
    // Else Perses lower-cases the folder's own path when it lists, and finds nothing in a temporary folder.
    database: { file: { folder: join(folder, "db"), extension: "json", case_sensitive: true } },
    provisioning: { interval: "24h", folders: [join(folder, "provisioning")] },
    frontend: { explorer: { enable: true } },
    plugin: { path: join(folder, "plugins"), archive_paths: [join(folder, "archives")] },
  };
}

/** The world as Perses' resources: users first, then roles and what they bind, then datasources. */
function resourcesOf(world) {
  const user = (name, password) => ({ kind: "User", metadata: { name }, spec: { nativeProvider: { password } } });
  const subjects = (name) => [{ kind: "User", name }];
  const resources = [
    ...world.users.map(({ name, password }) => user(name, password)),
    user("admin", "admin-password"),
    { kind: "GlobalRole", metadata: { name: "admin" }, spec: { permissions: [{ actions: ["*"], scopes: ["*"] }] } },
    { kind: "GlobalRoleBinding", metadata: { name: "admin" }, spec: { role: "admin", subjects: subjects("admin") } },
    ...world.projects.map((name) => ({ kind: "Project", metadata: { name }, spec: {} })),
  ];
  for (const { name, permissions = {} } of world.users) {
    for (const [project, list] of Object.entries(permissions)) {
      const metadata = { name: `role-of-${name}`, project };
      resources.push(
        { kind: "Role", metadata, spec: { permissions: list } },
        { kind: "RoleBinding", metadata, spec: { role: metadata.name, subjects: subjects(name) } },
      );
    }
  }
  return [...resources, ...world.datasources];
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
