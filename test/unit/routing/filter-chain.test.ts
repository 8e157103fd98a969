import { describe, expect, test } from "vitest";
import type { PodColumn } from "../../../src/pods/columns.ts";
import { type Pod, type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { noHints, type RouteHints } from "../../../src/routing/choose-pool.ts";
import { FilterChain, type FilterUse } from "../../../src/routing/filter-chain.ts";
import { builtInFilters } from "../../../src/routing/filters/index.ts";
import type { OptionValues } from "../../../src/routing/option-values.ts";

function use(name: string, options: OptionValues = {}): FilterUse {
  const filter = builtInFilters.find((each) => each.name === name);
  if (filter === undefined) throw new Error(`no filter ${name}`);
  return { filter, options };
}

const { NaN: unknown } = Number;

class Bench {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pods: readonly Pod[];

  constructor(specs: readonly Partial<PodSpec>[]) {
    this.table.reconcile(specs.map((spec, i) => ({ name: `p${i}`, address: `10.0.0.${i + 1}:8000`, ...spec })));
    this.pods = this.table.pods();
  }

  set(column: PodColumn, values: readonly number[]): this {
    for (const [i, pod] of this.pods.entries()) this.table.columns[column][pod.slot] = values[i] ?? unknown;
    return this;
  }

  /** The names left, or the code of the refusal. */
  left(
    uses: readonly FilterUse[],
    { hints = noHints, model = "", promptBytes = 0 }: { hints?: RouteHints; model?: string; promptBytes?: number } = {},
  ) {
    const chain = new FilterChain(this.table, uses, this.models);
    chain.begin({ ...bodylessRequest, model, promptBytes }, hints);
    const slots = Int32Array.from(this.pods, ({ slot }) => slot);
    const facts = chain.narrow("facts", slots, slots.length);
    const size = chain.narrow("load", slots, facts);
    if (size === 0) return chain.refusal;
    return [...slots.subarray(0, size)].map((slot) => this.pods.find((pod) => pod.slot === slot)?.name);
  }
}

describe("label", () => {
  const bench = new Bench([
    { labels: { role: "decode", zone: "a" } },
    { labels: { role: "prefill", zone: "b", "x.io/gpu": "h100" } },
    { labels: { zone: "c", draining: "" } },
  ]);
  test.each<[string[], string[] | string]>([
    [["role=decode"], ["p0"]],
    [["role==decode"], ["p0"]],
    [["role!=decode"], ["p1", "p2"]],
    [["zone in (a, c)"], ["p0", "p2"]],
    [["role in (decode) or absent"], ["p0", "p2"]],
    [["role notin (decode) or absent"], ["p1", "p2"]],
    [["zone notin (a,c)"], ["p1"]],
    [["role notin (decode)"], ["p1", "p2"]],
    [["role"], ["p0", "p1"]],
    [["!draining"], ["p0", "p1"]],
    [["! role"], ["p2"]],
    [["x.io/gpu=h100"], ["p1"]],
    [["draining="], ["p2"]],
    [["zone!=a", "role"], ["p1"]],
    [[], ["p0", "p1", "p2"]],
    [["role=encode"], "no_pod_left"],
    [["toString"], "no_pod_left"],
  ])("%j keeps %j", (requirements, kept) => {
    expect(bench.left([use("label", { requirements })])).toEqual(kept);
  });

  test("lets all stay where none meets them, if that is wanted", () => {
    const options = { requirements: ["role=encode"], fallbackOnEmpty: true };
    expect(bench.left([use("label", options)])).toEqual(["p0", "p1", "p2"]);
  });
});

describe("saturation", () => {
  test("keeps pods below both limits, and those that tell nothing", () => {
    const bench = new Bench([{}, {}, {}, {}])
      .set("waiting", [4, 5, 0, unknown])
      .set("kvUsage", [0.79, 0.1, 0.8, unknown]);
    expect(bench.left([use("saturation")])).toEqual(["p0", "p3"]);
    expect(bench.left([use("saturation", { waitingLimit: 6, kvLimit: 0.9 })])).toEqual(["p0", "p1", "p2", "p3"]);
  });

  test("lets all stay where all are at their limit, unless the request is to be refused", () => {
    const bench = new Bench([{}, {}]).set("waiting", [9, 7]).set("kvUsage", [0, 0]);
    expect(bench.left([use("saturation")])).toEqual(["p0", "p1"]);
    expect(bench.left([use("saturation", { fallbackOnEmpty: false })])).toBe("saturated");
  });
});

describe("model", () => {
  test("keeps pods that list the model, and those that list none", () => {
    const bench = new Bench([{}, {}, {}]);
    const [one, two] = bench.pods;
    if (one === undefined || two === undefined) throw new Error("no pods");
    bench.models.set(one, { kind: "listed", entries: [{ id: "m" }] });
    bench.models.set(two, { kind: "listed", entries: [{ id: "n" }] });
    expect(bench.left([use("model")], { model: "m" })).toEqual(["p0", "p2"]);
    expect(bench.left([use("model")])).toEqual(["p0", "p1", "p2"]);
  });

  test("refuses as an unknown model, or lets all stay", () => {
    const bench = new Bench([{}]);
    for (const pod of bench.pods) bench.models.set(pod, { kind: "listed", entries: [{ id: "m" }] });
    expect(bench.left([use("model")], { model: "x" })).toBe("model_not_found");
    expect(bench.left([use("model", { fallbackOnEmpty: true })], { model: "x" })).toEqual(["p0"]);
  });
});

describe("subset", () => {
  const bench = new Bench([{}, { address: "10.0.0.1:8001" }, { address: "[fd00::1]:8000" }]);
  test.each<[string[] | undefined, string[] | string]>([
    [undefined, ["p0", "p1", "p2"]],
    [["10.0.0.1:8001"], ["p1"]],
    [["10.0.0.1"], ["p0", "p1"]],
    [["fd00::1", "10.0.0.9"], ["p2"]],
    [["[fd00::1]:8000"], ["p2"]],
    [[], "subset_empty"],
  ])("%j keeps %j", (subset, kept) => {
    expect(bench.left([use("subset")], { hints: { ...noHints, subset } })).toEqual(kept);
  });
});

describe("testing", () => {
  const bench = new Bench([{}, {}, {}]);
  const asking = (value: string): RouteHints => ({
    ...noHints,
    headers: { "test-epp-endpoint-selection": value },
  });
  test("keeps what the header names, all without it, nobody where it names none of the pods", () => {
    expect(bench.left([use("testing")])).toEqual(["p0", "p1", "p2"]);
    expect(bench.left([use("testing")], { hints: asking("10.0.0.3, 10.0.0.1:8000") })).toEqual(["p0", "p2"]);
    expect(bench.left([use("testing")], { hints: asking("10.0.0.1:9") })).toBe("no_pod_left");
  });

  test("says which header it reads", () => {
    expect(new FilterChain(bench.table, [use("testing"), use("subset")], bench.models).headers).toEqual([
      "test-epp-endpoint-selection",
    ]);
  });
});

test("filters narrow what those before have left, and the first that leaves nobody says why", () => {
  const bench = new Bench([{ labels: { a: "1" } }, { labels: { a: "1" } }, { labels: {} }]).set("waiting", [9, 0, 0]);
  const uses = [use("label", { requirements: ["a=1"] }), use("saturation")];
  expect(bench.left(uses)).toEqual(["p1"]);
  const strict = [use("saturation", { fallbackOnEmpty: false }), use("label", { requirements: ["b"] })];
  expect(bench.left(strict)).toBe("no_pod_left");
});

describe("utilization", () => {
  const bench = new Bench([{}, {}, {}])
    .set("waiting", [4, 5, unknown])
    .set("kvUsage", [0.5, 0.9, 0.2])
    .set("inFlight", [0, 1, 2])
    .set("running", [3, 0, 0]);
  test.each<[OptionValues, string[] | string]>([
    [{}, ["p0", "p1", "p2"]],
    [{ waitingLimit: 4 }, ["p0", "p2"]],
    [{ waitingLimit: 4, kvLimit: 0.3 }, ["p2"]],
    [{ inFlightLimit: 0 }, ["p0"]],
    [{ runningLimit: 2 }, ["p1", "p2"]],
    [{ kvLimit: 0 }, "saturated"],
    [{ kvLimit: 0, fallbackOnEmpty: true }, ["p0", "p1", "p2"]],
  ])("%j keeps the pods at or below every limit", (options, left) => {
    expect(bench.left([use("utilization", options)])).toEqual(left);
  });
});

describe("context-length", () => {
  const label = "llm-d.ai/context-length-range";
  const bench = new Bench([
    { labels: { [label]: "0-100" } },
    { labels: { [label]: "101-200" } },
    {},
    { labels: { [label]: "?" } },
  ]);
  const leftFor = (promptBytes: number, uses: readonly FilterUse[]) => bench.left(uses, { promptBytes });
  test("keeps the pods whose range holds the prompt, and those without one", () => {
    expect(leftFor(403, [use("context-length")])).toEqual(["p0", "p2"]);
    expect(leftFor(404, [use("context-length")])).toEqual(["p1", "p2"]);
    expect(leftFor(804, [use("context-length")])).toEqual(["p2"]);
  });
  test("asks nothing of a prompt that was not read", () => {
    expect(leftFor(0, [use("context-length")])).toEqual(["p0", "p1", "p2", "p3"]);
  });
  test("refuses where nobody takes it, or lets all stay", () => {
    const strict = use("label", { requirements: ["llm-d.ai/context-length-range"] });
    expect(leftFor(4000, [strict, use("context-length")])).toBe("no_pod_left");
    expect(leftFor(4000, [strict, use("context-length", { fallbackOnEmpty: true })])).toEqual(["p0", "p1", "p3"]);
  });
});
