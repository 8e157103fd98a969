import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { CandidateRows } from "../../../src/routing/candidates.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";
import { FilterChain, type FilterUse } from "../../../src/routing/filter-chain.ts";
import saturation from "../../../src/routing/filters/saturation.ts";
import { Random } from "../../support/random.ts";

/** Pods by name; gathers the names of those among the named. */
function setUp(names: string, filterUses: readonly FilterUse[] = []) {
  const table = new PodTable();
  table.reconcile([...names].map((name) => ({ name, address: `${name}:1` })));
  const random = new Random(1);
  const filters = new FilterChain(table, filterUses, new ServedModels());
  filters.begin(bodylessRequest, noHints);
  const rows = new CandidateRows(table, ["inFlight"], () => random.next(), filters);
  const slotOf = (name: string) => table.byAddress(`${name}:1`)?.slot ?? -1;
  const gather = (among = names) => {
    const slots = Int32Array.from(among, slotOf);
    const size = rows.gather({ slots, size: slots.length });
    return Array.from({ length: size }, (_, row) => table.podAt(rows.slotAt(row))?.name).join("");
  };
  const set = (column: "reachable" | "setAside" | "admission", of: string, value: number) => {
    for (const name of of) table[column][slotOf(name)] = value;
  };
  const queue = (of: string, waiting: number) => {
    for (const name of of) table.columns.waiting[slotOf(name)] = waiting;
  };
  return { gather, set, queue };
}

describe("CandidateRows.gather", () => {
  test("takes who answers and is not set aside, then who answers, then all", () => {
    const { gather, set } = setUp("abcd");
    set("reachable", "a", 0);
    set("setAside", "ab", 1);
    expect(gather()).toBe("cd");
    set("setAside", "cd", 1);
    expect(gather()).toBe("bcd");
    set("reachable", "bcd", 0);
    expect(gather()).toBe("abcd");
  });

  test("takes newcomers as often as they are admitted beside settled pods", () => {
    const { gather, set } = setUp("abc");
    set("admission", "c", 0.25);
    const gathered = Array.from({ length: 4_000 }, () => gather());
    expect(new Set(gathered)).toEqual(new Set(["ab", "abc"]));
    const share = gathered.filter((names) => names === "abc").length / gathered.length;
    expect(share).toBeGreaterThan(0.22);
    expect(share).toBeLessThan(0.28);
  });

  test("takes all newcomers where they alone serve: none of them is picked because the others sit out", () => {
    const { gather, set } = setUp("abcdef");
    set("admission", "def", 0.1);
    for (let i = 0; i < 1_000; i++) expect(gather("def")).toBe("def");
    set("reachable", "a", 0);
    set("setAside", "b", 1);
    for (let i = 0; i < 1_000; i++) expect(gather("abdef")).toBe("def");
  });

  test("lets newcomers in where the settled pods are all full, instead of refusing; pods set aside stay out", () => {
    const refuses = { filter: saturation, options: { fallbackOnEmpty: false } };
    const { gather, set, queue } = setUp("abcd", [refuses]);
    queue("a", 50);
    queue("bcd", 0);
    set("admission", "bc", 0.1);
    set("setAside", "d", 1);
    const gathered = new Set(Array.from({ length: 1_000 }, () => gather()));
    expect([...gathered].sort()).toEqual(["b", "bc", "c"]);
    queue("bc", 50);
    expect(gather()).toBe("");
  });
});
