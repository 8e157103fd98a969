/** `npm run ok`, before every commit: all that is fast. Two lanes, for two cores; ends at the first failure. */
import { checkSteps, endWithParent, runStep, type Step, stopSteps, vitestStep } from "./support/steps.ts";

const say = (line: string) => console.log(line);
const lanes: readonly (readonly Step[])[] = [[vitestStep("unit", "contract", "house")], checkSteps];
let hasFailed = false;

async function runLane(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const result = await runStep(step);
    // What fails after the first failure was stopped by it.
    if (hasFailed) return;
    const counted = step.projects ? `, ${result.passed} tests` : "";
    if (result.failed === 0) {
      say(`ok      ${step.name} (${result.seconds}${counted})`);
      for (const { title, reason } of result.skipped) say(`skipped ${title}: ${reason}`);
    } else {
      hasFailed = true;
      stopSteps();
      say(`${result.output.trimEnd()}\n\nFAILED  ${step.name} (${result.seconds}), by: ${step.command.join(" ")}`);
    }
  }
}

endWithParent();
say("checking format, lint, types, dead code and docs; running the fast tests");
await Promise.all(lanes.map(runLane));
if (!hasFailed) say("all ok; `npm test` proves the rest");
process.exitCode = hasFailed ? 1 : 0;
