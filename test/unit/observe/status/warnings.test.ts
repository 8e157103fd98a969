import { expect, test } from "vitest";
import type { PodState } from "../../../../src/observe/pod-states.ts";
import { type WarningFacts, warningsOf } from "../../../../src/observe/status/warnings.ts";

const load = {
  waiting: 0,
  running: 1,
  kvUsage: 0.5,
  inFlight: 0,
  pendingTokens: 0,
  ttftSeconds: null,
  tpotSeconds: null,
};
const rest = { pools: [], labels: {}, engine: null, models: null, admission: 1, scrapeAgeSeconds: 0 };
const pod = (name: string, given: Partial<PodState> = {}): PodState => ({
  ...{ name, address: "10.0.0.1:8000", reachable: true, setAside: false },
  ...{ ...rest, ...load, ...given },
});
const source = { name: "dns x", pool: "default", known: true, pods: 3, ageMs: 0, problem: "" };
const reload = { at: "2026-01-01T00:00:00.000Z", outcome: "applied", faults: [], needRestart: [] } as const;
const calm: WarningFacts = {
  ...{ pods: [pod("a")], pools: [], sources: [source], notes: [], reload: undefined },
  ...{ faults: 0, bufferedBytes: 0, bufferLimitBytes: 100 },
};

test("warningsOf has none where all is well", () => {
  expect(warningsOf(calm)).toEqual([]);
});

test.each<[string, Partial<WarningFacts>, "act" | "watch", RegExp]>([
  [
    "a source fails",
    { sources: [{ ...source, problem: "SERVFAIL" }] },
    "act",
    /dns x cannot tell its pods: SERVFAIL\./,
  ],
  ["a source is empty", { sources: [{ ...source, pods: 0 }] }, "act", /dns x names no pod/],
  ["a pod is silent", { pods: [pod("a", { reachable: false })] }, "act", /^a \(10\.0\.0\.1:8000\) refuses connections/],
  ["a pod fails requests", { pods: [pod("a", { setAside: true })] }, "watch", /it is set aside/],
  [
    "pods cannot be read",
    { pods: ["a", "b"].map((name) => pod(name, { waiting: null, running: null, kvUsage: null })) },
    "watch",
    /^The load of a \(.*\) and b \(.*\) is unknown: their metrics/,
  ],
  [
    "the config file is refused",
    { reload: { ...reload, outcome: "refused", faults: ["x.yaml:1:1 pods: expected a list"] } },
    "act",
    /is not used: x\.yaml:1:1 pods: expected a list\./,
  ],
  [
    "a change waits",
    { reload: { ...reload, needRestart: ["listen.grpcPort: 1 -> 2"] } },
    "watch",
    /wait for a restart: listen/,
  ],
  [
    "something was noted at the start",
    { notes: [{ about: "--x", says: "has no effect" }] },
    "watch",
    /^--x: has no effect$/,
  ],
  ["faults were survived", { faults: 2 }, "watch", /^2 faults inside pointsman/],
  ["the buffer is nearly full", { bufferedBytes: 91 }, "act", /nearly used up/],
])("warningsOf says it where %s", (_title, given, level, text) => {
  const found = warningsOf({ ...calm, ...given });
  expect(found).toEqual([{ level, text: expect.stringMatching(text), cure: expect.any(String) }]);
});

test("warningsOf puts what needs a hand first", () => {
  const found = warningsOf({
    ...calm,
    faults: 1,
    sources: [{ ...source, pods: 0 }],
    pods: [pod("a", { setAside: true })],
  });
  expect(found.map(({ level }) => level)).toEqual(["act", "watch", "watch"]);
});
