// Makes the example files of this folder from the published specifications:
//   node extract.mjs path/to/commonmark/spec.txt > commonmark-0.31.2.json
//   node extract.mjs path/to/cmark-gfm/test/spec.txt extensions > gfm-0.29-extensions.json
import { readFileSync } from "node:fs";

const [file, only] = process.argv.slice(2);
const text = readFileSync(file, "utf8").replace(/\r\n?/g, "\n").replace(/^<!-- END TESTS -->(.|\n)*/m, "");
const pattern = /^`{32} example([^\n]*)\n([\s\S]*?)^\.\n([\s\S]*?)^`{32}$|^#{1,6} *(.*)$/gm;
const examples = [];
let number = 0;
let section = "";
for (const [, extension, markdown, html, heading] of text.matchAll(pattern)) {
  if (heading !== undefined) {
    section = heading;
    continue;
  }
  number += 1;
  if (only === "extensions" && !section.includes("(extension)")) continue;
  examples.push({ number, section, markdown: markdown.replaceAll("→", "\t"), html: html.replaceAll("→", "\t") });
}
process.stdout.write(`[\n${examples.map((example) => JSON.stringify(example)).join(",\n")}\n]\n`);
