import { describe, expect, test } from "vitest";
import { readSettings } from "../../../src/config/load-settings.ts";
import { saysAsAibrix, strategySettings } from "../../../src/config/strategy-options.ts";

function read(...args: string[]) {
  return readSettings({ args: ["--pods=10.0.0.1:1", ...args], env: {} }, { check: () => [] });
}

function readFile(text: string) {
  const args = ["--config-file=/nowhere/config.yaml"];
  return readSettings({ args, env: {} }, { check: () => [], fileBytes: Buffer.from(text) });
}

describe("strategySettings", () => {
  test("is nothing unless asked for, and AIBrix's own where nothing more is said", () => {
    expect(strategySettings(read().settings.config)).toBeUndefined();
    expect(strategySettings(read("--routing-strategies").settings.config)).toEqual({
      header: "routing-strategy",
      default: "",
      allowed: undefined,
      filterHeader: "external-filter",
      prefixCache: { imbalance: 16, deviations: 2 },
    });
  });

  test("is asked for by AIBrix's labels, unless it is refused", () => {
    const of = (...args: string[]) => readSettings({ args, env: {} }, { check: () => [] }).settings.config;
    expect(strategySettings(of("--pods-aibrix=all"))).toBeDefined();
    expect(saysAsAibrix(of("--pods-aibrix=all"))).toBe(true);
    expect(strategySettings(of("--pods-aibrix=all", "--routing-strategies=false"))).toBeUndefined();
    expect(saysAsAibrix(of("--pods-aibrix=all", "--error-style=openai"))).toBe(false);
    expect(saysAsAibrix(of("--pods=10.0.0.1:1", "--error-style=aibrix"))).toBe(true);
    const { settings, faults } = readFile(
      "pools: [{pods: {aibrix: all}}]\nprofiles: {gold: {scorers: [queue-depth]}}\n",
    );
    expect([strategySettings(settings.config)?.header, faults]).toEqual(["routing-strategy", []]);
  });

  test("is read from the config file, where a profile of no pool is a strategy", () => {
    const { settings, faults } = readFile(`
pools: [{pods: {static: [10.0.0.1:1]}}]
profiles:
  gold: {scorers: [queue-depth]}
strategies:
  enabled: true
  header: X-Way
  default: gold
  allowed: [gold, least-request]
  filterHeader: ""
  prefixImbalance: 8
  prefixDeviations: 1
`);
    expect(faults).toEqual([]);
    expect(strategySettings(settings.config)).toEqual({
      header: "x-way",
      default: "gold",
      allowed: ["gold", "least-request"],
      filterHeader: "",
      prefixCache: { imbalance: 8, deviations: 1 },
    });
  });
});

describe("strategyFaults", () => {
  const faultsOf = (...args: string[]) => read("--routing-strategies", ...args).faults;

  test.each(["random", "least-request:2,prefix-cache", "default"])("finds nothing wrong with %j", (name) => {
    expect(faultsOf(`--routing-strategy=${name}`)).toEqual([]);
  });

  test.each([
    ["least-requests", "least-request"],
    ["pd", undefined],
    ["random,least-request", undefined],
  ])("finds %j wrong as a default", (name, hint) => {
    const [fault, ...others] = faultsOf(`--routing-strategy=${name}`);
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ path: "--routing-strategy", got: JSON.stringify(name) });
    if (hint !== undefined) expect(fault?.hint).toBe(hint);
    expect(fault?.expected).toContain("session-affinity");
  });

  test("finds every wrong name of those allowed, and says where it stands", () => {
    const names = faultsOf("--allowed-routing-strategies=random,prefix-cash,default,x").map(({ got }) => got);
    expect(names).toEqual(['"prefix-cash"', '"x"']);
    const { faults } = readFile("pools: [{pods: {static: [10.0.0.1:1]}}]\nstrategies: {enabled: true, allowed: [x]}\n");
    expect(faults.map(({ path }) => path)).toEqual([expect.stringContaining("config.yaml:2")]);
  });

  test.each([
    ["random", "least-request,throughput"],
    ["least-request:2,least-gpu-cache", "least-request"],
    ["default", "least-request"],
  ])("finds the default %j wrong where only %s may be named", (name, allowed) => {
    const faults = faultsOf(`--routing-strategy=${name}`, `--allowed-routing-strategies=${allowed}`);
    const expected = `only names out of --allowed-routing-strategies: ${allowed.replaceAll(",", ", ")}`;
    expect(faults).toEqual([{ path: "--routing-strategy", expected, got: JSON.stringify(name) }]);
  });

  test.each([
    ["least-request:2,throughput:1,random:0", "throughput,least-request"],
    ["default", "default"],
    ["", "least-request"],
  ])("finds nothing wrong with the default %j where %s may be named", (name, allowed) => {
    expect(faultsOf(`--routing-strategy=${name}`, `--allowed-routing-strategies=${allowed}`)).toEqual([]);
  });

  test("says where in the file a default stands that is not allowed, in the file's words", () => {
    const { faults } = readFile(
      "pools: [{pods: {static: [10.0.0.1:1]}}]\nstrategies:\n  enabled: true\n  default: random\n  allowed: [throughput]\n",
    );
    expect(faults).toEqual([
      {
        path: expect.stringContaining("config.yaml:4"),
        expected: "only names out of strategies.allowed: throughput",
        got: '"random"',
      },
    ]);
  });

  test("leaves them alone where requests name none", () => {
    expect(read("--routing-strategy=nonsense").faults).toEqual([]);
  });

  test.each(["--routing-strategy-header=a b", "--routing-strategy-header=a,b", "--allowed-routing-strategies=a,,b"])(
    "refuses %s",
    (arg) => {
      expect(faultsOf(arg).length).toBe(1);
    },
  );
});
