/** `npm test`: everything, set-up included. The last line is the count, and nothing follows it. */
import { defaultEnvoyVersion, findEnvoy } from "../src/demo/find-envoy.ts";
import { findChartTools } from "./support/chart-tools.ts";
import { findPrometheus } from "./support/find-prometheus.ts";
import { findKubeBinary } from "./support/kube-binary.ts";
import {
  checkSteps,
  endWithParent,
  runStep,
  type Step,
  type StepResult,
  vitestShard,
  vitestStep,
} from "./support/steps.ts";
import { findChromium } from "./support/test-chromium.ts";

const envoyVersions = [defaultEnvoyVersion, "1.38.3", "1.37.0", "1.36.4"];
/** How often it is said that it goes on. */
const SAY_MS = 60_000;
const inCi = !["", "0", "false"].includes(process.env["CI"] ?? "");
const say = (line: string) => console.log(line);
const results: StepResult[] = [];

async function run(step: Step): Promise<void> {
  const result = await runStep(step);
  results.push(result);
  const hasFailed = result.failed > 0;
  if (hasFailed) say(result.output.trimEnd());
  say(`${hasFailed ? "FAILED " : "ok     "} ${step.name} (${result.seconds})`);
}

/** Beforehand, so that no test's time limit has a download in it. */
async function fetchEnvoys(): Promise<void> {
  for (const version of envoyVersions) {
    try {
      const { path } = await findEnvoy({ version, say });
      say(`set-up: Envoy ${version} is ${path}`);
    } catch (error) {
      say(`set-up: no Envoy ${version}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Also beforehand, and to its end: what runs on a busy machine anyway need not share it with a compiler. */
async function buildGoPrograms(): Promise<void> {
  const { path, reason } = await findKubeBinary({ say });
  say(`set-up: ${path === undefined ? `no Kubernetes API server: ${reason}` : `the Kubernetes API server is ${path}`}`);
  const { isMissing } = await findChartTools();
  say(`set-up: ${isMissing ? "no helm and kustomize" : "helm and kustomize are there"}`);
}

/** And what Debian has, or the machine. */
async function fetchPrograms(): Promise<void> {
  const { note } = await findPrometheus(say);
  say(`set-up: ${note === "" ? "Prometheus is there" : `no Prometheus:${note}`}`);
  await findChromium(say).then(
    () => say("set-up: Chromium is there"),
    (error: unknown) => say(`set-up: no Chromium: ${error instanceof Error ? error.message : String(error)}`),
  );
}

/** Steps side by side; the next one begins as soon as one of them is through. */
async function runSideBySide(steps: readonly Step[], most: number): Promise<void> {
  const waiting = [...steps];
  const under = new Set<string>();
  const tick = setInterval(() => say(`still running ${[...under].join(" and ")}; ${waiting.length} to follow`), SAY_MS);
  const work = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      under.add(step.name);
      say(`running ${step.name}`);
      await run(step);
      under.delete(step.name);
    }
  };
  await Promise.all(Array.from({ length: most }, work));
  clearInterval(tick);
}

async function runChecks(): Promise<void> {
  for (const step of checkSteps) await run(step);
}

function total(): { passed: number; failed: number; skipped: number } {
  const sum = (pick: (result: StepResult) => number) => results.reduce((all, result) => all + pick(result), 0);
  const skipped = results.flatMap((result) => result.skipped);
  for (const { title, reason } of skipped) say(`skipped ${title}: ${reason}`);
  if (inCi && skipped.length > 0) say(`CI is set: the ${skipped.length} skipped count as failed`);
  const [failedBySkip, left] = inCi ? [skipped.length, 0] : [0, skipped.length];
  return {
    passed: sum((result) => result.passed),
    failed: sum((result) => result.failed) + failedBySkip,
    skipped: left,
  };
}

endWithParent();
say("checking format, lint, types, dead code and docs; running the fast tests; fetching the Envoys that are missing");
await Promise.all([
  fetchEnvoys(),
  buildGoPrograms(),
  fetchPrograms(),
  run(vitestStep("unit", "contract", "house")),
  runChecks(),
]);
// One more than two processors can serve: each often waits for what is not the processor. The longest come first.
const envoyShards = [1, 2].map((shard) => vitestShard("envoy", shard, 2));
const others = ["kube", "doctor", "gateways", "browser"].map((project) => vitestStep(project));
await runSideBySide([vitestStep("wire"), ...envoyShards, ...others], 3);

const { passed, failed, skipped } = total();
for (const result of results) if (result.failed > 0) say(`failed: ${result.failed} in ${result.name}`);
process.exitCode = failed > 0 ? 1 : 0;
say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
