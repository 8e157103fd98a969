import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { engines } from "../../../src/scrape/engines.ts";
import { extraColumns, writeExtras } from "../../../src/scrape/extra-columns.ts";
import { MetricsParser } from "../../../src/scrape/parse-metrics.ts";

function columnsOf(page: string | Buffer): Record<string, number | undefined> {
  const parser = new MetricsParser(engines);
  parser.write(Buffer.from(page));
  parser.end();
  const { columns } = new PodTable();
  writeExtras(columns, 0 as Slot, parser.numbers);
  return Object.fromEntries(extraColumns.map((name) => [name, columns[name][0]]));
}

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../../fixtures", name));
const { NaN: unknown } = Number;

describe("writeExtras", () => {
  test("writes the means of a recorded page's histograms, and leaves unknown what it does not tell", () => {
    expect(columnsOf(fixture("vllm/metrics-under-load.txt"))).toEqual({
      ...{ cpuCacheUsage: unknown, gpuBusyRatio: unknown, engineUtilization: unknown },
      ...{ meanPromptTokens: 11_976 / 20, meanGenerationTokens: 109 / 20 },
      queueSeconds: expect.closeTo(0.0004913220000162255 / 20, 12),
      prefillSeconds: expect.closeTo(0.28312987399931444 / 20, 12),
      decodeSeconds: expect.closeTo(0.44915367700059505 / 20, 12),
    });
  });

  test("has no mean before the first request", () => {
    const page = "vllm:num_requests_running 0\nvllm:request_prompt_tokens_sum 0\nvllm:request_prompt_tokens_count 0\n";
    expect(columnsOf(page)["meanPromptTokens"]).toBeNaN();
  });

  test("adds up the engines of a pod before it divides", () => {
    const lines = [
      'vllm:num_requests_running{engine="0"} 1',
      ...['vllm:request_queue_time_seconds_sum{engine="0"} 1', 'vllm:request_queue_time_seconds_count{engine="0"} 1'],
      ...['vllm:request_queue_time_seconds_sum{engine="1"} 8', 'vllm:request_queue_time_seconds_count{engine="1"} 2'],
    ];
    expect(columnsOf(`${lines.join("\n")}\n`)["queueSeconds"]).toBe(3);
  });

  test.each(["vllm:num_requests_running", "sglang:num_running_reqs", "trtllm_num_requests_running"])(
    "reads gauges that AIBrix knows beside %s",
    (metric) => {
      const page = `${metric} 1\ngpu_busy_time_ratio 0.5\nengine_utilization 0.25\n`;
      expect(columnsOf(page)).toMatchObject({ gpuBusyRatio: 0.5, engineUtilization: 0.25 });
    },
  );

  test("reads the CPU cache of old vLLM", () => {
    expect(columnsOf(fixture("metrics/vllm-0.6.txt"))["cpuCacheUsage"]).toBe(0.9);
  });
});
