/** `npm run docs`: brings the generated parts of all documents up to date; without --write it only says which are not. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { regenerate } from "./generated-docs.ts";
import { listFiles, readSource, root } from "./tree.ts";

const outdated = listFiles("**/*.md").filter((path) => regenerate(readSource(path)) !== readSource(path));
const write = process.argv.includes("--write");
for (const path of outdated) {
  if (write) writeFileSync(join(root, path), regenerate(readSource(path)));
  console.log(`${path}: ${write ? "rewritten" : "out of step; npm run docs rewrites it"}`);
}
if (outdated.length === 0) console.log("all documents are in step with the code");
process.exitCode = outdated.length > 0 && !write ? 1 : 0;
