import { describe, expect, test } from "vitest";
import { Malformed } from "../../../../src/discovery/kubernetes/kube-json.ts";
import { readObjective, readRewrite } from "../../../../src/discovery/kubernetes/policy-objects.ts";

const poolRef = { group: "inference.networking.k8s.io", kind: "InferencePool", name: "pool" };

const rewrite = (rules: unknown, spec: object = {}) => ({
  metadata: { name: "r", namespace: "ns", creationTimestamp: "2026-01-02T03:04:05Z" },
  spec: { poolRef, rules, ...spec },
});
const exact = (value: unknown) => ({ model: { type: "Exact", value } });
const to = (modelRewrite: unknown, weight?: unknown) => ({ modelRewrite, ...(weight !== undefined && { weight }) });

describe("readRewrite", () => {
  test("reads rules with their matches, targets and weights, and the object's age", () => {
    const object = rewrite([
      { matches: [exact("a"), { model: { value: "b" } }], targets: [to("x", 3), to("y")] },
      { matches: [], targets: [to("z")] },
      { targets: [to("w")] },
    ]);
    expect(readRewrite(object, "pool", "mine")).toEqual({
      name: "ns/r",
      pool: "mine",
      createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      rules: [
        { models: ["a", "b"], targets: [{ model: "x", weight: 3 }, { model: "y" }] },
        { models: [], targets: [{ model: "z" }] },
        { models: [], targets: [{ model: "w" }] },
      ],
    });
  });

  test("takes a match that asks for no model as one for every model", () => {
    expect(readRewrite(rewrite([{ matches: [exact("a"), {}], targets: [to("x")] }]), "pool", "")).toMatchObject({
      rules: [{ models: [], targets: [{ model: "x" }] }],
    });
  });

  test("counts an object without a date as the youngest", () => {
    expect(readRewrite({ metadata: { name: "r" }, spec: { poolRef, rules: [] } }, "pool", "")).toMatchObject({
      createdAtMs: Number.POSITIVE_INFINITY,
    });
  });

  test.each([
    ["another pool", { name: "other" }],
    ["another kind", { kind: "Service", name: "pool" }],
  ])("passes over an object about %s", (_title, ref) => {
    expect(readRewrite(rewrite([], { poolRef: ref }), "pool", "")).toBeUndefined();
    expect(readObjective({ metadata: { name: "o" }, spec: { poolRef: ref } }, "pool")).toBeUndefined();
  });

  test.each([
    [rewrite([], { poolRef: {} }), "names no pool"],
    [
      rewrite([{ matches: [{ model: { type: "Prefix", value: "a" } }], targets: [to("x")] }]),
      'has a match of the unknown type "Prefix"',
    ],
    [rewrite([{ matches: [exact(7)], targets: [to("x")] }]), "has a match whose value is no name of a model"],
    [rewrite([{ matches: [], targets: [] }]), "has a rule without targets"],
    [rewrite([{ targets: [to("a\nb")] }]), "has a target whose modelRewrite is no name of a model"],
    [rewrite([{ targets: [to("é".repeat(257))] }]), "has a target whose modelRewrite is no name of a model"],
    [rewrite([{ targets: [to("x", 0)] }]), "has a weight outside 1 to 1000000"],
    [rewrite([{ targets: [to("x", "1")] }]), "has a weight outside 1 to 1000000"],
  ])("says what is wrong with %j", (object, reason) => {
    expect(readRewrite(object, "pool", "")).toEqual(new Malformed(reason));
  });
});

describe("readObjective", () => {
  const objective = (spec: object) => readObjective({ metadata: { name: "o" }, spec: { poolRef, ...spec } }, "pool");

  test("reads the priority, which is 0 where none is stated", () => {
    expect(objective({ priority: -7 })).toEqual({ name: "o", priority: -7 });
    expect(objective({})).toEqual({ name: "o", priority: 0 });
    expect(objective({ priority: null })).toEqual({ name: "o", priority: 0 });
  });

  test("refuses a priority that is no whole number", () => {
    expect(objective({ priority: 1.5 })).toEqual(new Malformed("has a priority that is no whole number"));
    expect(objective({ priority: "high" })).toBeInstanceOf(Malformed);
  });
});
