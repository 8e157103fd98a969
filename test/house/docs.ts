/** `npm run docs`: brings all that is generated up to date; without --write it only says what is not. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dashboardText } from "../../deploy/monitoring/dashboard.ts";
import { chartRulesText, prometheusRuleText } from "../../deploy/monitoring/rules.ts";
import { schemaPath, schemaText } from "./config-schema.ts";
import { regenerate } from "./generated-docs.ts";
import { namesPath, namesText } from "./metric-names.ts";
import { listFiles, readSource, root } from "./tree.ts";

const texts = [
  ...listFiles("**/*.md").map((path) => ({ path, text: regenerate(readSource(path)) })),
  { path: schemaPath, text: schemaText() },
  { path: "deploy/monitoring/dashboard.json", text: dashboardText() },
  { path: "deploy/kubernetes/monitoring/prometheus-rule.yaml", text: prometheusRuleText() },
  { path: "deploy/chart/rules.yaml", text: chartRulesText() },
  { path: namesPath, text: await namesText() },
];
const outdated = texts.filter(({ path, text }) => !existsSync(join(root, path)) || readSource(path) !== text);
const write = process.argv.includes("--write");
for (const { path, text } of outdated) {
  if (write) writeFileSync(join(root, path), text);
  console.log(`${path}: ${write ? "rewritten" : "out of step; npm run docs rewrites it"}`);
}
if (outdated.length === 0) console.log("all documents are in step with the code");
process.exitCode = outdated.length > 0 && !write ? 1 : 0;
