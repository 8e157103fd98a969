import { defineConfig } from "vitest/config";

const project = (name: string, testTimeout: number, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout * 2, ...extra },
});

/** Fast projects (unit, contract, house) run before every commit; wire and envoy open real sockets and start real programs. */
export default defineConfig({
  test: {
    projects: [
      project("unit", 10_000),
      project("contract", 10_000),
      project("house", 60_000),
      project("wire", 60_000, { pool: "forks" }),
      project("envoy", 300_000, { pool: "forks", fileParallelism: false }),
    ],
    coverage: {
      provider: "v8",
      include: ["src/routing/**", "src/request/**", "src/pods/**", "src/prefix/**"],
      reporter: ["text-summary"],
    },
  },
});
