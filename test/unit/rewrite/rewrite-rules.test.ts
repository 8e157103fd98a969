import { describe, expect, test } from "vitest";
import { ALWAYS, drawTarget, RewriteBook, type RewriteSource } from "../../../src/rewrite/rewrite-rules.ts";
import { Random } from "../../support/random.ts";

interface Draft {
  readonly name: string;
  readonly pool?: string;
  readonly at?: number;
  /** "from > to", where `*` is every model. */
  readonly rules: readonly string[];
}

function source({ name, pool = "", at = 1, rules }: Draft): RewriteSource {
  const split = rules.map((rule) => rule.split(" > "));
  return {
    name,
    pool,
    createdAtMs: at,
    rules: split.map(([from = "", to = ""]) => ({
      models: from === "*" ? [] : from.split(","),
      targets: to.split(",").map((model) => ({ model })),
    })),
  };
}

function book(...drafts: readonly Draft[]): RewriteBook {
  const made = new RewriteBook();
  made.set("test", drafts.map(source));
  return made;
}

const target = (made: RewriteBook, model: string, pool = "p") => {
  const rule = made.exactRule(model, pool) ?? made.genericRule(pool);
  return rule && drawTarget(rule, 0);
};

describe("RewriteBook", () => {
  test("prefers a rule that names the model to one for all, whatever their age and order", () => {
    const made = book(
      { name: "old", at: 1, rules: ["* > any", "a > exact"] },
      { name: "new", at: 2, rules: ["b > late"] },
    );
    expect([target(made, "a"), target(made, "b"), target(made, "c")]).toEqual(["exact", "late", "any"]);
  });

  test("takes the rule of the oldest source, of one source the first", () => {
    const made = book(
      { name: "young", at: 5, rules: ["a > young"] },
      { name: "old", at: 2, rules: ["x,a > first", "a > second"] },
      { name: "config", at: ALWAYS, rules: ["b > config"] },
      { name: "older", at: 1, rules: ["b > object", "* > generic"] },
    );
    expect([target(made, "a"), target(made, "b"), target(made, "c")]).toEqual(["first", "config", "generic"]);
  });

  test("orders equals by pool before all pools, then by name, whichever came first", () => {
    const drafts: Draft[] = [
      { name: "b", rules: ["a > b"] },
      { name: "a", rules: ["a > a"] },
      { name: "c", pool: "p", rules: ["a > of the pool"] },
    ];
    for (const order of [drafts, drafts.toReversed()]) {
      expect(target(book(...order), "a")).toBe("of the pool");
      expect(target(book(...order), "a", "q")).toBe("a");
    }
  });

  test("keeps the rules of a pool to its requests; before the pool is known an exact rule may tell it", () => {
    const made = book({ name: "one", pool: "p", rules: ["a > in-p", "* > any-in-p"] });
    expect([target(made, "a", "q"), target(made, "b", "q")]).toEqual([undefined, undefined]);
    expect(made.exactRule("a", "")?.pool).toBe("p");
    expect(made.genericRule("")).toBeUndefined();
  });

  test("replaces what the same owner stated, and forgets it", () => {
    const made = book({ name: "one", rules: ["a > b"] });
    made.set("other", [source({ name: "two", rules: ["c > d"] })]);
    made.set("test", [source({ name: "one", rules: ["a > e"] })]);
    expect([target(made, "a"), target(made, "c"), made.isEmpty]).toEqual(["e", "d", false]);
    made.set("test", []);
    made.set("other", []);
    expect([target(made, "a"), made.isEmpty]).toEqual([undefined, true]);
  });
});

describe("drawTarget", () => {
  const shares = (targets: readonly { model: string; weight?: number }[]) => {
    const made = new RewriteBook();
    made.set("test", [{ name: "s", pool: "", createdAtMs: 0, rules: [{ models: ["a"], targets }] }]);
    const rule = made.exactRule("a", "");
    const random = new Random(11);
    const counts: Record<string, number> = {};
    for (let i = 0; rule !== undefined && i < 10_000; i++) {
      const model = drawTarget(rule, random.next());
      counts[model] = (counts[model] ?? 0) + 1;
    }
    return Object.fromEntries(Object.entries(counts).map(([model, count]) => [model, Math.round(count / 500) / 20]));
  };

  test("draws evenly where no target has a weight", () => {
    expect(shares([{ model: "x" }, { model: "y" }])).toEqual({ x: 0.5, y: 0.5 });
  });

  test("draws by weight, and never a target without one beside those that have one", () => {
    expect(shares([{ model: "x", weight: 3 }, { model: "z" }, { model: "y", weight: 1 }])).toEqual({
      x: 0.75,
      y: 0.25,
    });
  });

  test("draws at both ends of the lot", () => {
    const rule = { source: "s", pool: "", models: [], targets: ["x", "y"], upTo: [1, 2] };
    expect([drawTarget(rule, 0), drawTarget(rule, 0.5), drawTarget(rule, 1 - 2 ** -32)]).toEqual(["x", "y", "y"]);
  });
});

test("RewriteBook mentions what its rules name, asked for or as a target, until they are gone", () => {
  const named = book({ name: "a", rules: ["x,y > z", "* > w"] });
  const mentioned = () => ["x", "y", "z", "w", "v"].filter((model) => named.mentions(model));
  expect(mentioned()).toEqual(["x", "y", "z", "w"]);
  named.set("test", []);
  expect(mentioned()).toEqual([]);
});
