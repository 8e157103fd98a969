import { defineConfig } from "vitest/config";

const project = (name: string, testTimeout: number, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout * 2, ...extra },
});

/** Set by `npm run ok` and `npm test`, which add up what the runs report. */
const outcomeFile = process.env["POINTSMAN_OUTCOME_FILE"];
const counting: [string, Record<string, unknown>][] = outcomeFile
  ? [["./test/support/outcome-reporter.ts", { file: outcomeFile }]]
  : [];

/** What deploy/doctor.md says of each row is what these show. */
const heldToTable = { setupFiles: ["./test/support/check-seen-rows.ts"] };

/** Fast projects (unit, contract, house) run before every commit; the others open real sockets and start real programs. */
export default defineConfig({
  test: {
    reporters: ["default", ...counting],
    projects: [
      project("unit", 10_000),
      project("contract", 10_000),
      project("house", 60_000),
      project("wire", 60_000, { pool: "forks" }),
      project("envoy", 300_000, { pool: "forks", fileParallelism: false }),
      project("gateways", 300_000, { pool: "forks", fileParallelism: false }),
      project("doctor", 300_000, { pool: "forks", fileParallelism: false, ...heldToTable }),
      project("kube", 120_000, { pool: "forks", fileParallelism: false, ...heldToTable }),
      project("browser", 120_000, { pool: "forks", fileParallelism: false }),
    ],
    coverage: {
      provider: "v8",
      include: ["src/routing/**", "src/request/**", "src/pods/**", "src/prefix/**"],
      reporter: ["text-summary"],
    },
  },
});
