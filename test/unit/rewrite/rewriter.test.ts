import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { RewriteBook, type RewriteRule } from "../../../src/rewrite/rewrite-rules.ts";
import { Rewriter } from "../../../src/rewrite/rewriter.ts";

/** Pools with one pod each, which lists these models. */
function world(
  pools: Readonly<Record<string, readonly string[]>>,
  rules: Readonly<Record<string, readonly RewriteRule[]>>,
  ignoresHeader = false,
) {
  const table = new PodTable();
  const models = new ServedModels();
  const made = new Pools({ table, models });
  table.reconcile(Object.keys(pools).map((name, i) => ({ name, address: `10.0.0.${i}:80` })));
  for (const [i, [name, ids]] of Object.entries(pools).entries()) {
    const pod = table.byAddress(`10.0.0.${i}:80`)!;
    made.obtain(name, defaultPoolSettings).assign([pod]);
    models.set(pod, { kind: "listed", entries: ids.map((id) => ({ id })) });
  }
  const book = new RewriteBook();
  book.set(
    "test",
    Object.entries(rules).map(([pool, each]) => ({ name: `of ${pool}`, pool, createdAtMs: 0, rules: each })),
  );
  return new Rewriter({ book, pools: made, ignoresHeader, random: () => 0 });
}

const to = (model: string, ...models: string[]): RewriteRule => ({ models, targets: [{ model }] });

describe("Rewriter", () => {
  test("takes a rule before the header, and the header where no rule fits", () => {
    const rewriter = world({ default: ["x"] }, { "": [to("x", "a")] });
    expect(rewriter.renamingOf("a", "", "asked")).toEqual({ target: "x", by: "of ", pool: "" });
    expect(rewriter.renamingOf("b", "", "asked")).toEqual({ target: "asked", by: "header", pool: "" });
    expect(rewriter.renamingOf("b", "", "")).toBeUndefined();
    expect(rewriter.renamingOf("b", "", Buffer.from("modèle").toString("latin1"))?.target).toBe("modèle");
    expect(rewriter.renamingOf("b", "", "x".repeat(513))).toBeUndefined();
  });

  test("heeds no header where it is told so", () => {
    const rewriter = world({ default: ["x"] }, {}, true);
    expect(rewriter.renamingOf("b", "", "asked")).toBeUndefined();
    expect(rewriter.namesAll("", "asked")).toBe(false);
  });

  test("knows the pool where there is one, or where the request names it", () => {
    const one = world({ only: ["x"] }, { only: [to("x")] });
    expect(one.renamingOf("a", "", "")?.target).toBe("x");
    const two = world({ p: [], q: [] }, { p: [to("in-p")], q: [to("in-q")] });
    expect(two.renamingOf("a", "q", "")?.target).toBe("in-q");
    expect(two.renamingOf("a", "", "")).toBeUndefined();
  });

  test("takes a pool's rule for all models only for what that pool would get", () => {
    const two = world({ p: ["a"], q: ["b"] }, { q: [to("x")] });
    expect(two.renamingOf("a", "", "")).toBeUndefined();
    expect(two.renamingOf("b", "", "")).toEqual({ target: "x", by: "of q", pool: "q" });
    expect(two.renamingOf("q", "", "")?.pool).toBe("q");
  });

  test("leaves a model that another pool serves to that pool, also where an exact rule names it", () => {
    const two = world({ p: [], q: ["b"] }, { p: [to("x", "b", "c")] });
    expect(two.renamingOf("b", "", "")).toBeUndefined();
    expect(two.renamingOf("c", "", "")).toEqual({ target: "x", by: "of p", pool: "p" });
  });

  test("lets an exact rule say which pool it is", () => {
    const two = world({ p: [], q: [] }, { q: [to("x", "alias")] });
    expect(two.renamingOf("alias", "", "")?.pool).toBe("q");
    expect(two.renamingOf("alias", "p", "")).toBeUndefined();
  });

  test("names what has no name only by a header or a rule for all models", () => {
    const rewriter = world({ p: [] }, { p: [to("x", "a")] });
    expect([rewriter.namesAll("", ""), rewriter.namesAll("", "asked")]).toEqual([false, true]);
    const generic = world({ p: [] }, { p: [to("x")] });
    expect([generic.namesAll("", ""), generic.namesAll("other", "")]).toEqual([true, false]);
    expect(generic.renamingOf("", "", "")?.target).toBe("x");
  });
});
