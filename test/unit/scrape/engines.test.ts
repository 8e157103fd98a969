import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Engine, engineNamed, engineNames, engines, numberNames } from "../../../src/scrape/engines.ts";
import { parseMetricSpec } from "../../../src/scrape/metric-spec.ts";
import { MetricsParser } from "../../../src/scrape/parse-metrics.ts";

function read(file: string, among: readonly Engine[] = engines) {
  const parser = new MetricsParser(among);
  parser.write(readFileSync(join(import.meta.dirname, "../../fixtures", file)));
  const { engine, known, expected } = parser.end();
  const told = numberNames.map((name, i) => [name, parser.numbers[i] ?? Number.NaN] as const);
  const numbers = Object.fromEntries(told.filter(([, number]) => !Number.isNaN(number)));
  return { engine: engine?.name, complete: known === expected, numbers, traits: parser.traits };
}

const vllmUnderLoad = {
  blockTokens: 32,
  blocks: 512,
  startedAtSeconds: 1795248835.7,
  promptTokens: 19248,
  generationTokens: 133,
  prefixQueries: 19248,
  prefixHits: 7168,
  ttftSeconds: expect.closeTo(2.6861135959625244, 12),
  ttftCount: 28,
};
const bothAdapters = { running: ["alpha", "beta"], waiting: ["alpha", "beta"], max: 2 };

describe("engines: a page is told from the others and read to the right numbers:", () => {
  test.each([
    ["vllm/metrics-idle-fresh.txt", "vllm", { waiting: 0, running: 0, kvUsage: 0 }],
    [
      "vllm/metrics-under-load.txt",
      "vllm",
      { waiting: 16, running: 8, kvUsage: expect.closeTo(0.45401174168297453, 14), ...vllmUnderLoad },
    ],
    [
      "vllm/metrics-under-load-no-lora.txt",
      "vllm",
      { waiting: 12, running: 8, kvUsage: expect.closeTo(0.6105675146771037, 14) },
    ],
    ["vllm/metrics-after-requests.txt", "vllm", { waiting: 0, running: 0, kvUsage: 0, blocks: 512 }],
    [
      "metrics/vllm-0.6.txt",
      "vllm",
      {
        ...{ waiting: 7, running: 5, kvUsage: 0.375, blockTokens: 16, blocks: 7281 },
        ...{ promptTokens: 1200, generationTokens: 340, ttftSeconds: 3.5, ttftCount: 9, cpuCacheUsage: 0.9 },
      },
    ],
    [
      "metrics/vllm-data-parallel.txt",
      "vllm",
      {
        ...{ waiting: 7, running: 7, kvUsage: 0.625, blockTokens: 16, blocks: 2900 },
        ...{ startedAtSeconds: 1795248835.7, prefixQueries: 150, prefixHits: 42 },
      },
    ],
    [
      "metrics/llm-d-inference-sim.txt",
      "vllm",
      { waiting: 1, running: 2, kvUsage: 0.0625, blockTokens: 8, blocks: 1024 },
    ],
    [
      "metrics/sglang.txt",
      "sglang",
      {
        ...{ waiting: 2826, running: 162, kvUsage: 0.28, blockTokens: 64, blocks: 27400 },
        ...{ promptTokens: 8128902, generationTokens: 7557572, prefixQueries: 8128902, prefixHits: 61000 },
        ...{ ttftSeconds: 2351.5, ttftCount: 11008 },
      },
    ],
    [
      "metrics/sglang-all-ranks.txt",
      "sglang",
      { waiting: 3, running: 12, kvUsage: 0.5, blockTokens: 1, blocks: 10000 },
    ],
    [
      "metrics/trtllm-serve.txt",
      "trtllm-serve",
      {
        ...{ waiting: 3, running: 6, kvUsage: 0.125, blockTokens: 32, blocks: 4096 },
        ...{ ttftSeconds: 0.75, ttftCount: 12 },
      },
    ],
    [
      "metrics/triton-tensorrt-llm.txt",
      "triton-tensorrt-llm",
      { waiting: 9, running: 11, kvUsage: 0.4375, blockTokens: 64, blocks: 6239 },
    ],
    ["metrics/triton.txt", "triton", { waiting: 5 }],
    ["metrics/tgi.txt", "tgi", { waiting: 12, running: 4, promptTokens: 900, generationTokens: 250 }],
  ])("%s", (file, engine, numbers) => {
    const told = read(file);
    expect(told).toMatchObject({ engine, complete: true, numbers });
    // A page of other people's words tells nothing that is not listed above.
    if (file.startsWith("metrics/")) expect(Object.keys(told.numbers).sort()).toEqual(Object.keys(numbers).sort());
    expect(read(file, [engineNamed(engine) as Engine])).toEqual(told);
  });

  test.each([
    ["vllm/metrics-under-load.txt", ["tiny"], bothAdapters],
    ["vllm/metrics-under-load-no-lora.txt", ["tiny"], undefined],
    ["metrics/vllm-0.6.txt", ["org/base"], undefined],
    ["metrics/llm-d-inference-sim.txt", ["sim/base"], { running: ["food-review"], waiting: ["sql"], max: 4 }],
    ["metrics/sglang.txt", ["org/chat"], undefined],
    ["metrics/trtllm-serve.txt", ["llama"], undefined],
    ["metrics/triton.txt", [], undefined],
  ])("the names in %s", (file, models, lora) => {
    expect(read(file).traits).toMatchObject({ models, lora });
  });
});

describe("engines", () => {
  test("are written in metrics that can be read", () => {
    for (const { numbers, modelName } of engines) {
      const metrics = Object.values(numbers).flatMap((source) => source.metrics);
      expect([...metrics, modelName ?? "x"].filter((metric) => parseMetricSpec(metric) === undefined)).toEqual([]);
    }
  });

  test("are found by the names others give them", () => {
    expect(engineNamed("llm-d-inference-sim")?.name).toBe("vllm");
    expect(engineNames.every((name) => engineNamed(name) !== undefined)).toBe(true);
    expect(engineNamed("vllmm")).toBeUndefined();
  });
});

describe("parseMetricSpec", () => {
  test.each([
    ["a:b_c", { name: "a:b_c", where: [], numberLabel: "" }],
    ["a{b=c}", { name: "a", where: [{ label: "b", value: "c" }], numberLabel: "" }],
    [
      'a{ b = "c d" , e= }',
      {
        name: "a",
        where: [
          { label: "b", value: "c d" },
          { label: "e", value: "" },
        ],
        numberLabel: "",
      },
    ],
    ["a[size]", { name: "a", where: [], numberLabel: "size" }],
    ["a {b=c} [size]", { name: "a", where: [{ label: "b", value: "c" }], numberLabel: "size" }],
    ["a{}", { name: "a", where: [], numberLabel: "" }],
  ])("reads %j", (text, spec) => {
    expect(parseMetricSpec(text)).toEqual(spec);
  });

  test.each(["", "1a", "a b", "a{b}", "a{b=c", "a[b][c]", "a{b=c}x"])("knows %j for no metric", (text) => {
    expect(parseMetricSpec(text)).toBeUndefined();
  });
});
