/** The scorer that scorers/README.md teaches: the very text, in a file of its own, in a config file, under the contract. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildLanes } from "../../src/build-lanes.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { serveOptions } from "../../src/config/options.ts";
import { readPools } from "../../src/config/read-pools.ts";
import { PodTable } from "../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../src/pods/pool.ts";
import { Pools } from "../../src/pods/pools.ts";
import { ServedModels } from "../../src/pods/served-models.ts";
import { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { bodylessRequest } from "../../src/request/inference-request.ts";
import { noHints } from "../../src/routing/choose-pool.ts";
import { Router } from "../../src/routing/router.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";
import { readSource } from "../house/tree.ts";
import { describeScorer } from "./scorer-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "foreign-scorer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fenced(language: string): string {
  const text = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readSource("scorers/README.md"))?.[1];
  if (text === undefined) throw new Error(`scorers/README.md has no ${language}`);
  return text;
}

const source = fenced("ts");
const file = join(folder, "config.yaml");
writeFileSync(join(folder, "calm-pods.ts"), source);
writeFileSync(file, fenced("yaml"));
const config = loadConfig(serveOptions, [`--config-file=${file}`, "--pods=10.0.0.1:80"], {});
const { profiles, faults } = readPools(config);
const uses = profiles.get("default")?.scorers ?? [];
const calm = uses.find(({ scorer }) => scorer.name === "calm-pods")?.scorer;

test("the example is loaded by the example of a config file, without a fault", () => {
  expect(faults).toEqual([]);
  expect(uses.map(({ scorer, weight, options }) => [scorer.name, weight, options])).toEqual([
    ["queue-depth", 2, {}],
    ["calm-pods", 1, { limit: 16 }],
  ]);
});

test("the example is taught in about ten lines", () => {
  expect(
    source
      .trim()
      .split("\n")
      .filter((line) => line.trim() !== "").length,
  ).toBeLessThanOrEqual(16);
});

test("the example routes: the calm pods share the picks, and what it gives is what it says", () => {
  const table = new PodTable();
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  const labels = { role: "decode" };
  table.reconcile(["a", "b", "c", "d"].map((name, i) => ({ name, address: `${name}:1`, ...(i < 3 && { labels }) })));
  pools.obtain("p", defaultPoolSettings).assign(table.pods());
  table.columns.waiting.fill(0);
  table.columns.inFlight.set([4, 8, 40, 0]);
  const faults: string[] = [];
  const lanes = buildLanes(profiles, {
    table,
    models,
    index: new PrefixIndex({ budgetBytes: 1024 * 1024, pods: table }),
    facts: () => undefined,
    scorerFaults: { threw: (name) => faults.push(name), outOfRange: (name) => faults.push(name) },
  });
  const router = new Router({ table, pools, lanes, random: seededRandom(1) });
  const { candidates } = router.explain(bodylessRequest, "scored", noHints, 1);
  expect(candidates.map(({ pod, scores }) => [pod, scores["calm-pods"]])).toEqual([
    ["a", 0.75],
    ["b", 0.5],
    ["c", 0],
  ]);
  const picked = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const decision = router.route(bodylessRequest, "scored", noHints);
    if (decision.kind === "picked") picked.add(decision.pod.name);
  }
  expect([...picked].sort()).toEqual(["a", "b"]);
  expect(faults).toEqual([]);
});

test("the example compiles under the strictest settings of the compiler, those of pointsman itself", () => {
  const root = join(import.meta.dirname, "../..");
  const paths = {
    "pointsman/scorer": [join(root, "src/scorer.ts")],
    "pointsman/normalise": [join(root, "src/routing/normalise.ts")],
  };
  const compilerOptions = { noEmit: true, rootDir: "/", typeRoots: [join(root, "node_modules/@types")], paths };
  const project = join(folder, "tsconfig.json");
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(
    project,
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: ["calm-pods.ts"] }),
  );
  const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
  const { stdout, status } = spawnSync(process.execPath, [join(compiler, "../bin/tsc"), "-p", project], {
    encoding: "utf8",
  });
  expect([stdout, status]).toEqual(["", 0]);
});

if (calm !== undefined) describeScorer(calm);
