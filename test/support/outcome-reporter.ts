/** A vitest reporter that writes what the final count needs: numbers, and every skipped test with its reason. */
import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

export interface SkippedTest {
  readonly title: string;
  readonly reason: string;
}

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}

/** Tests that lack a part of the machine say so on a line of this form, once per file. */
const skipLine = /^Skipped: (.+)$/gm;

export default class OutcomeReporter implements Reporter {
  readonly #file: string;
  readonly #reasons = new Set<string>();

  constructor({ file }: { file: string }) {
    this.#file = file;
  }

  onUserConsoleLog({ content }: { content: string }): void {
    for (const [, reason] of content.matchAll(skipLine)) this.#reasons.add(reason!);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A file or a hook that throws fails without a failed test.
    const brokenSuites = modules.filter((module) => module.state() === "failed" && !hasFailedTest(module)).length;
    const outcome: Outcome = {
      passed: count("passed"),
      failed: count("failed") + count("pending") + brokenSuites + unhandled.length,
      skipped: tests.filter((test) => test.result().state === "skipped").map((test) => this.#describeSkip(test)),
    };
    writeFileSync(this.#file, JSON.stringify(outcome));
  }

  #describeSkip(test: TestCase): SkippedTest {
    const result = test.result();
    const note = result.state === "skipped" ? result.note : undefined;
    const heard = [...this.#reasons].join("; ");
    const reason = note ?? (heard === "" ? "no reason given" : heard);
    return { title: `${test.module.relativeModuleId} > ${test.fullName}`, reason };
  }
}

function hasFailedTest(module: TestModule): boolean {
  return module.children.allTests("failed").next().done === false;
}
