import { expect, test } from "vitest";
import { Metrics } from "../../../../src/observe/metrics.ts";
import { StatusReport } from "../../../../src/observe/status/status-report.ts";

test("StatusReport tells each backend's attempts, refusals and answers, and that it needs no pods", () => {
  const { instruments } = new Metrics("test");
  instruments.attempts.add({ backend: "a", attempt: "first" }, 2);
  instruments.attempts.add({ backend: "a", attempt: "second" });
  instruments.attempts.add({ backend: "b", attempt: "first" });
  instruments.attemptRefusals.add({ backend: "b", code: "untranslatable" });
  instruments.backendAnswers.add({ backend: "a", status: "200" });
  const backends = [
    { name: "a", translator: { name: "openai" }, host: "a.example" },
    { name: "b", translator: { name: "anthropic" }, host: "" },
  ];
  const facts = { started: true, draining: false, openStreams: 0, pods: 0, usable: 0, sources: [] };
  const parts = {
    ...{ version: "1", instruments, notes: [], buffer: { usedBytes: 0, limitBytes: 1 } },
    pods: { table: { pods: () => [] }, pools: { all: [] } },
    trace: { picksByPod: () => new Map(), latest: () => [] },
    said: { latest: () => [] },
    reload: {},
    facts: () => facts,
    backends: () => backends,
  };
  const report = new StatusReport(parts as never);
  expect(report.now()).toMatchObject({
    health: { level: "good" },
    backends: [
      { name: "a", api: "openai", host: "a.example", attempts: 3, byCode: {}, byStatus: { 200: 1 } },
      { name: "b", api: "anthropic", attempts: 1, byCode: { untranslatable: 1 }, byStatus: {} },
    ],
  });
});
