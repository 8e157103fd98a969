import { expect, test } from "vitest";
import type { PodState } from "../../../../src/observe/pod-states.ts";
import { type HealthFacts, healthOf, isUnread, named } from "../../../../src/observe/status/health.ts";

/** A pod that answers and tells its load. */
function podState(name: string, given: Partial<PodState> = {}): PodState {
  const load = {
    waiting: 0,
    running: 1,
    kvUsage: 0.5,
    inFlight: 0,
    pendingTokens: 0,
    ttftSeconds: null,
    tpotSeconds: null,
  };
  const facts = { pools: ["default"], labels: {}, engine: "vllm", models: ["m"], admission: 1, scrapeAgeSeconds: 0.2 };
  return { name, address: `${name}:8000`, reachable: true, setAside: false, ...facts, ...load, ...given };
}

const unread = { waiting: null, running: null, kvUsage: null };
const silent = { reachable: false };
const aside = { setAside: true };
const source = { name: "file pods.yaml", pool: "default", known: true, pods: 3, ageMs: 0, problem: "" };
const pool = { name: "default", profile: "default", pods: 3, usable: 3, models: ["m"], modelCount: 1 };
const facts: HealthFacts = {
  started: true,
  draining: false,
  sources: [source],
  pods: [podState("a"), podState("b"), podState("c")],
  pools: [pool],
  backends: 0,
};

test.each<[string, Partial<HealthFacts>, string, string]>([
  ["all is well", {}, "good", "Working: all 3 pods answer."],
  ["there is one pod", { pods: [podState("a")] }, "good", "Working: the one pod answers."],
  [
    "some pods are out",
    { pods: [podState("a"), podState("b", silent), podState("c", aside)] },
    "watch",
    "Working with 1 of 3 pods: b does not answer, c is set aside.",
  ],
  [
    "a load is unknown",
    { pods: [podState("a", unread), podState("b")] },
    "watch",
    "Working, but nobody knows how busy a is.",
  ],
  [
    "no pod answers",
    { pods: [podState("a", silent), podState("b", silent)] },
    "act",
    "No pod can be used: none of the 2 answers. Requests still go to them, for want of others.",
  ],
  [
    "all pods fail",
    { pods: [podState("a", aside), podState("b", aside)] },
    "act",
    "No pod can be used: all 2 are set aside. Requests still go to them, for want of others.",
  ],
  [
    "one of two pools has nobody",
    { pods: [podState("a", silent), podState("b")], pools: [pool, { ...pool, name: "chat", usable: 0 }] },
    "act",
    "Pool chat: no pod can be used.",
  ],
  [
    "there are backends alone",
    { pods: [], pools: [], sources: [], backends: 2 },
    "good",
    "Working: attempts at 2 backends are made ready; no pods are set up to pick from.",
  ],
  [
    "a source has no pods beside backends",
    { pods: [], backends: 1 },
    "act",
    "No pods: every request is refused until a source names some.",
  ],
  ["there are no pods", { pods: [] }, "act", "No pods: every request is refused until a source names some."],
  [
    "a source has told nothing yet",
    { sources: [source, { ...source, name: "dns x", known: false }] },
    "act",
    "Not ready: dns x has not told any pods yet.",
  ],
  [
    "a source is silent for long",
    { sources: [{ ...source, ageMs: 31_000, problem: "gone" }] },
    "act",
    "Picking from the last known pods: file pods.yaml tells nothing any more.",
  ],
  [
    "a source is silent for a moment",
    { sources: [{ ...source, ageMs: 29_000 }] },
    "good",
    "Working: all 3 pods answer.",
  ],
  ["it starts", { started: false }, "watch", "Starting: the sources of pods are asked for the first time."],
  ["it drains", { draining: true }, "watch", "Draining: open requests are finished, then the picker ends."],
])("healthOf has one sentence and how urgent it is where %s", (_title, given, level, sentence) => {
  expect(healthOf({ ...facts, ...given })).toEqual({ level, sentence });
});

test("isUnread means a pod that answers and tells no load; one that tells a part is read", () => {
  expect(isUnread(podState("a", unread))).toBe(true);
  expect(isUnread(podState("a", { ...unread, running: 1 }))).toBe(false);
  expect(isUnread(podState("a", { ...unread, ...silent }))).toBe(false);
});

test.each([
  [["a"], "a"],
  [["a", "b"], "a and b"],
  [["a", "b", "c"], "a, b and c"],
  [["a", "b", "c", "d", "e"], "a, b and 3 more"],
])("named makes %j into words", (names, words) => {
  expect(named(names)).toBe(words);
});
