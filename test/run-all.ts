/** `npm test`: everything, set-up included. The last line is the count, and nothing follows it. */
import { defaultEnvoyVersion, findEnvoy } from "../src/demo/find-envoy.ts";
import { findChartTools } from "./support/chart-tools.ts";
import { findPrometheus } from "./support/find-prometheus.ts";
import { findKubeBinary } from "./support/kube-binary.ts";
import { checkSteps, endWithParent, runStep, type Step, type StepResult, vitestStep } from "./support/steps.ts";
import { findChromium } from "./support/test-chromium.ts";

const envoyVersions = [defaultEnvoyVersion, "1.38.3", "1.37.0", "1.36.4"];
const inCi = !["", "0", "false"].includes(process.env["CI"] ?? "");
const say = (line: string) => console.log(line);
const results: StepResult[] = [];

async function run(step: Step, live: boolean): Promise<void> {
  if (live) say(`\nrunning ${step.name}`);
  const result = await runStep(step, live);
  results.push(result);
  const hasFailed = result.failed > 0;
  if (hasFailed && !live) say(result.output.trimEnd());
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

async function runInTurn(...projects: readonly string[]): Promise<void> {
  for (const project of projects) await run(vitestStep(project), false);
}

async function runChecks(): Promise<void> {
  for (const step of checkSteps) await run(step, false);
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
  run(vitestStep("unit", "contract", "house"), false),
  runChecks(),
]);
// Two at a time: either often waits for what is not the processor. The longer one tells how it goes on.
await Promise.all([run(vitestStep("envoy"), true), runInTurn("wire", "browser", "gateways", "kube")]);

const { passed, failed, skipped } = total();
for (const result of results) if (result.failed > 0) say(`failed: ${result.failed} in ${result.name}`);
process.exitCode = failed > 0 ? 1 : 0;
say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
