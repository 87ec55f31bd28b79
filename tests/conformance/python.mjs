// Reads the recorded events with the official Python models (ag-ui-protocol), in a virtual environment under .cache.

import { execFile } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "./demo.mjs";

const call = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));

/** `{accepted, faults}` */
export async function checkWithPython(file) {
  const python = await prepare();
  const { stdout } = await call(python, [join(here, "check_events.py"), file], { maxBuffer: 64 << 20 });
  return JSON.parse(stdout);
}

/** The environment's python; made anew when requirements.txt has changed. */
async function prepare() {
  const folder = join(root, ".cache/conformance-python");
  const python = join(folder, "bin/python");
  const stamp = join(folder, "requirements.txt");
  const wanted = await readFile(join(here, "requirements.txt"), "utf8");
  const have = await access(python)
    .then(() => readFile(stamp, "utf8"))
    .catch(() => "");
  if (have !== wanted) {
    try {
      await call("python3", ["-m", "venv", "--clear", folder]);
      await call(python, ["-m", "pip", "install", "--quiet", "-r", join(here, "requirements.txt")]);
    } catch (error) {
      throw new Error(`The Python models cannot be installed; python3 with venv and pip is needed. ${error.stderr ?? error}`);
    }
    await writeFile(stamp, wanted);
  }
  return python;
}
