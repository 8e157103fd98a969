import { expect, test } from "vitest";
import { type ReadinessFacts, readinessOf } from "../../../src/observe/readiness.ts";

const good = { name: "file pods.yaml", pool: "default", known: true, pods: 3, ageMs: 1000, problem: "" };
const facts: ReadinessFacts = { started: true, draining: false, openStreams: 2, pods: 3, usable: 3, sources: [good] };

test.each<[string, Partial<ReadinessFacts>, boolean, string]>([
  ["all is well", {}, true, "picking from 3 pods, 2 streams open"],
  ["some pods fail", { usable: 1 }, true, "picking from 1 usable pods of 3, 2 streams open"],
  ["all pods fail", { usable: 0 }, true, "no usable pod: all 3 are unreachable or set aside, 2 streams open"],
  [
    "there are no pods",
    { pods: 0, usable: 0, sources: [{ ...good, pods: 0 }] },
    true,
    "no pods to pick from: the set of file pods.yaml is empty, 2 streams open",
  ],
  ["it drains", { draining: true }, false, "draining: 2 streams open"],
  ["it starts", { started: false }, false, "starting: 3 pods known"],
  [
    "a source has not told yet",
    { sources: [good, { ...good, name: "dns x", known: false }] },
    false,
    "1 of 2 sources of pods have not told any yet: dns x: has not told its pods",
  ],
  [
    "many sources cannot tell yet",
    {
      sources: ["a", "b", "c", "d", "e"].map((name) => ({ ...good, name, known: false, problem: "no such file" })),
    },
    false,
    "5 of 5 sources of pods have not told any yet: a: no such file; b: no such file; c: no such file; 2 more",
  ],
  [
    "a failing source is young",
    { sources: [{ ...good, ageMs: 30_000, problem: "broken" }] },
    true,
    "picking from 3 pods, 2 streams open",
  ],
  [
    "a failing source is old",
    { sources: [{ ...good, ageMs: 31_500, problem: "broken" }] },
    false,
    "picking from the last known pods, of which a source is not sure any more: file pods.yaml for 31 s: broken",
  ],
  [
    "a source falls silent",
    { sources: [{ ...good, ageMs: 40_000 }] },
    false,
    "picking from the last known pods, of which a source is not sure any more: file pods.yaml for 40 s: it says nothing any more",
  ],
])("readinessOf says so when %s", (_, change, ready, sentence) => {
  expect(readinessOf({ ...facts, ...change })).toEqual({ ready, sentence });
});
