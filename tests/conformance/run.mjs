// Conformance: the official AG-UI client drives the relay, with Authorization and without cookies; then the official
// Python models read every event that came.
//
//   node tests/conformance/run.mjs            (npm ci in this folder first; python3 with venv is needed)
//
// conversations.mjs has the test conversations, recorder.mjs what is asked of every event and run, python.mjs the
// second half. CONFORMANCE_ONLY=<part of a name> runs some of them.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conversations } from "./conversations.mjs";
import { checkWithPython } from "./python.mjs";
import { Recorder } from "./recorder.mjs";
import { root, startDemo } from "./demo.mjs";

// The client leaves a rejection without a handler behind when a socket breaks, which is what one conversation does.
process.on("unhandledRejection", (error) => {
  if (error?.message !== "terminated") throw error;
});

async function main() {
  const stateDir = await mkdtemp(join(tmpdir(), "persai-conformance-"));
  let demo;
  const recorder = new Recorder();
  let failed = 0;
  let passed = 0;
  try {
    demo = await startDemo(stateDir);
    const only = process.env.CONFORMANCE_ONLY ?? "";
    for (const one of conversations.filter(({ name }) => name.includes(only))) {
      const faults = await recorder.conversation({ ...one, talk: (context) => one.talk({ ...context, demo }) });
      if (faults.length === 0) passed += 1;
      else {
        failed += 1;
        console.log(`  FAIL  ${one.name}\n${faults.map((fault) => `          ${fault}`).join("\n")}`);
      }
    }
  } finally {
    await demo?.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
  console.log(`TypeScript client: ${passed} conversations passed, ${failed} failed, ${recorder.lines.length} events`);

  const folder = join(root, ".cache/conformance");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "events.jsonl");
  await writeFile(file, recorder.lines.map((line) => `${line}\n`).join(""));
  const python = await checkWithPython(file);
  console.log(`Python models: ${python.accepted} events accepted, ${python.faults.length} refused`);
  for (const fault of python.faults.slice(0, 20)) console.log(`  FAIL  ${fault}`);

  const total = failed + python.faults.length;
  console.log(`${passed + python.accepted} passed, ${total} failed`);
  const nothing = passed === 0 || python.accepted !== recorder.lines.length;
  if (total > 0 || nothing) process.exitCode = 1;
}

await main();
