import { expect, test } from "vitest";
import { type ReadinessFacts, readinessOf } from "../../../src/observe/readiness.ts";

const good = { name: "file pods.yaml", known: true, ageMs: 1000, problem: "" };
const facts: ReadinessFacts = { started: true, draining: false, openStreams: 2, pods: 3, sources: [good] };

test.each<[string, Partial<ReadinessFacts>, boolean, string]>([
  ["all is well", {}, true, "picking: 3 pods known, 2 streams open"],
  ["it drains", { draining: true }, false, "draining: 2 streams open"],
  ["it starts", { started: false }, false, "starting: 3 pods known"],
  [
    "a source has not told yet",
    { sources: [good, { ...good, name: "dns x", known: false }] },
    false,
    "no pods known yet: dns x: has not told its pods",
  ],
  [
    "a source cannot tell yet",
    { sources: [{ ...good, known: false, problem: "no such file" }] },
    false,
    "no pods known yet: file pods.yaml: no such file",
  ],
  [
    "a failing source is young",
    { sources: [{ ...good, ageMs: 30_000, problem: "broken" }] },
    true,
    "picking: 3 pods known, 2 streams open",
  ],
  [
    "a failing source is old",
    { sources: [{ ...good, ageMs: 31_500, problem: "broken" }] },
    false,
    "the pods are 31 s old: file pods.yaml: broken",
  ],
  [
    "a source falls silent",
    { sources: [{ ...good, ageMs: 40_000 }] },
    false,
    "the pods are 40 s old: file pods.yaml: says nothing any more",
  ],
])("readinessOf says so when %s", (_, change, ready, sentence) => {
  expect(readinessOf({ ...facts, ...change })).toEqual({ ready, sentence });
});
