import { describe, expect, test } from "vitest";
import type { ExplainedCandidate, Explanation } from "../../../src/explain/explanation.ts";
import { sentenceOf } from "../../../src/explain/sentence.ts";
import { writeExplanation } from "../../../src/explain/write-explanation.ts";

const scorers = [
  { name: "prefix-cache", weight: 3 },
  { name: "queue-depth", weight: 2 },
];

/** A candidate by its scores; the first is the picked one. */
function candidate(pod: string, scores: [number, number], signals: Record<string, number | null>): ExplainedCandidate {
  const total = scores[0] * 3 + scores[1] * 2;
  const state = { reachable: true, setAside: false, newcomer: false };
  return { pod, address: `${pod}:1`, total, isPicked: pod === "a", ...state, place: 1, scores, signals, ageMs: 1_200 };
}

function told(candidates: readonly ExplainedCandidate[], more: Partial<Explanation> = {}): Explanation {
  const outcome = { kind: "picked", pod: "a", address: "a:1", score: candidates[0]?.total ?? 0 } as const;
  const common = {
    id: "x-1",
    at: "",
    pool: "p",
    model: "m",
    reason: "scored",
    seed: 7,
    milliseconds: 0.5,
    shadow: false,
  };
  const explanation = { ...common, outcome, scorers, candidates, absent: [], sentence: "", ...more };
  return { ...explanation, sentence: sentenceOf(explanation) };
}

describe("sentenceOf", () => {
  test("names what the winner was ahead by, with what its scorers read", () => {
    const others = [candidate("b", [0, 1], { prefixHit: 0, waiting: 0 }), candidate("c", [0.2, 0], { waiting: 4 })];
    expect(told([candidate("a", [0.78, 0.75], { prefixHit: 0.78, waiting: 1 }), ...others]).sentence).toBe(
      "a won by 1.84: it holds 78 % of the prompt (prefix-cache 2.34 of 3).",
    );
  });

  test("says that the lot decided between equals, and how many there were", () => {
    const both = [candidate("a", [0, 1], { waiting: 0 }), candidate("b", [0, 1], { waiting: 0 })];
    expect(told(both).sentence).toBe("a won by lot: it and 1 other had 2.");
    expect(told([...both, candidate("c", [0, 0], { waiting: 3 })]).sentence).toBe(
      "a won by lot: it and 1 other had 2: its queue is 0 of at most 3 (queue-depth 2 of 2).",
    );
  });

  test("does not make a reason of a draw that passed over better ones", () => {
    const both = [candidate("a", [0, 0.5], {}), candidate("b", [0, 1], {})];
    expect(told(both).sentence).toBe(
      "a was drawn with 1; 1 candidate had more, up to 2: the picker does not always take the best.",
    );
  });

  test("says why the only candidate had no rival", () => {
    const absent = ["b", "c"].map((pod) => ({ pod, why: "does not answer" }));
    expect(told([candidate("a", [0, 1], {})], { absent }).sentence).toBe(
      "a was the only candidate (2 pods: does not answer).",
    );
  });
});

describe("sentenceOf, where nobody better was left", () => {
  test.each([
    [{ reachable: false, setAside: true }, "No pod answers; tried all the same: a won by 2."],
    [{ setAside: true }, "Every pod that answers is set aside; tried all the same: a won by 2."],
    [{ newcomer: true }, "All are newcomers, none sits this out: a won by 2."],
  ])("begins with that: %j", (state, sentence) => {
    const both = [candidate("a", [0, 1], {}), candidate("b", [0, 0], {})].map((each) => ({ ...each, ...state }));
    expect(told(both).sentence.replace(/: \(.*/, ".")).toBe(sentence);
    const [one, other] = [candidate("a", [0, 1], {}), both[1] ?? candidate("b", [0, 0], {})];
    expect(told([one, other]).sentence).toMatch(/^a won/);
    expect(writeExplanation(told(both)).join("\n")).toMatch(/> {2}a \((does not answer|set aside|new)\)/);
  });
});

test("sentenceOf never says that little is nothing, nor that what differs is equal", () => {
  const close = [candidate("a", [0, 0.50001], {}), candidate("b", [0, 0.5], {})];
  expect(told(close).sentence).toMatch(/^a won by 0\.00002/);
  const drawn = [candidate("a", [0, 0.5], { prefixHit: 0.002 }), candidate("b", [0, 0.50001], {})];
  expect(told(drawn).sentence).toContain("drawn with 1; 1 candidate had more, up to 1.00002:");
  const held = [candidate("a", [0.002, 0], { prefixHit: 0.002 }), candidate("b", [0, 0], {})];
  expect(told(held).sentence).toBe("a won by 0.006: it holds less than 1 % of the prompt (prefix-cache 0.006 of 3).");
});

describe("writeExplanation", () => {
  test("has the sentence, the candidates with the best first, and those that were none", () => {
    const candidates = [
      { ...candidate("b", [0, 1], { prefixHit: 0, waiting: null }), place: 2, ageMs: null },
      candidate("a", [0.5, 1], { prefixHit: 0.5, waiting: 2 }),
    ];
    const absent = [{ pod: "c", why: "left out by the filter label" }];
    expect(writeExplanation(told(candidates, { absent, priority: 3, strategy: "s" }))).toEqual([
      "a (a:1)",
      "a won by 1.5: it holds 50 % of the prompt (prefix-cache 1.5 of 3).",
      "pool p, model m, strategy s, reason scored, priority 3, seed 7, 0.5 ms",
      "",
      "   pod  sum  prefix-cache x3  queue-depth x2  prefixHit  waiting    age",
      ">  a    3.5              0.5               1        0.5        2  1.2 s",
      "   b      2                0               1          0        -      -",
      "",
      "No candidates:",
      "  c: left out by the filter label",
    ]);
  });

  test("shows the picked one whatever its place", () => {
    const better = Array.from({ length: 60 }, (_, i) => candidate(`b${i}`, [0, 1], {}));
    const lines = writeExplanation(told([{ ...candidate("a", [0, 0], {}), place: 61 }, ...better]));
    expect(lines.filter((line) => line.startsWith(">"))).toEqual([expect.stringMatching(/^> {2}a /)]);
    expect(lines.at(-1)).toBe("and 20 more");
  });

  test("shows so many candidates and no more", () => {
    const many = Array.from({ length: 60 }, (_, i) => candidate(i === 0 ? "a" : `b${i}`, [0, 1], {}));
    const lines = writeExplanation(told(many));
    expect(lines.at(-1)).toBe("and 20 more");
    expect(lines).toHaveLength(3 + 1 + 1 + 40 + 1);
  });
});
