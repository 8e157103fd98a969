import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { type Engine, engineNamed, numberNames } from "../../../src/scrape/engines.ts";
import { PageReader } from "../../../src/scrape/page-reader.ts";
import { RestartWatch } from "../../../src/scrape/restart-watch.ts";
import { Sample } from "../../../src/scrape/sample.ts";

const fixture = (file: string) => readFileSync(join(import.meta.dirname, "../../fixtures", file), "utf8");

function read(reader: PageReader, text: string) {
  reader.reset();
  reader.write(Buffer.from(text));
  return reader.end();
}

const vllmPage = "vllm:num_requests_waiting 1\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0.5\n";
const lora = (labels: string, value: number) => `vllm:lora_requests_info{${labels}} ${value}\n`;
const adapters = (running: string, waiting: string, value: number) =>
  lora(`max_lora="4",running_lora_adapters="${running}",waiting_lora_adapters="${waiting}"`, value);

describe("PageReader", () => {
  test("finds out who wrote the page, and again when the pod becomes another", () => {
    const reader = new PageReader("auto");
    expect(read(reader, vllmPage)).toBe("ok");
    expect(reader.traits?.engine).toBe("vllm");
    // Made for vLLM by now, it does not understand the first page of another.
    expect(read(reader, fixture("metrics/tgi.txt"))).toBe("unreadable");
    expect(read(reader, fixture("metrics/tgi.txt"))).toBe("ok");
    expect(reader.traits?.engine).toBe("tgi");
    expect(Array.from(reader.numbers.subarray(0, 3))).toEqual([12, 4, Number.NaN]);
  });

  test("takes a pod with little to tell for more when it tells more", () => {
    const reader = new PageReader("auto");
    read(reader, fixture("metrics/triton.txt"));
    expect(reader.traits?.engine).toBe("triton");
    expect(read(reader, fixture("metrics/triton-tensorrt-llm.txt"))).toBe("ok");
    expect(reader.traits?.engine).toBe("triton-tensorrt-llm");
  });

  test("takes a page that two engines could have written equally for the first one's", () => {
    const reader = new PageReader("auto");
    expect(read(reader, "tgi_queue_size 5\nvllm:num_requests_waiting 1\n")).toBe("partial");
    expect(reader.traits?.engine).toBe("vllm");
    expect(reader.numbers[0]).toBe(1);
  });

  test("tells the engines apart that it was given", () => {
    const mine: Engine = { name: "mine", rankLabel: "", numbers: { waiting: { metrics: ["q"], merge: "sum" } } };
    const reader = new PageReader([mine, engineNamed("vllm") as Engine]);
    expect(read(reader, "q 4\n")).toBe("ok");
    expect([reader.traits?.engine, reader.numbers[0]]).toEqual(["mine", 4]);
    read(reader, vllmPage);
    expect(read(reader, vllmPage)).toBe("ok");
    expect(reader.traits?.engine).toBe("vllm");
    expect(read(new PageReader([mine, engineNamed("vllm") as Engine]), fixture("metrics/tgi.txt"))).toBe("unreadable");
  });

  test("reads nothing but the engine it was given", () => {
    const reader = new PageReader(engineNamed("sglang") as Engine);
    expect(read(reader, vllmPage)).toBe("unreadable");
    expect(read(reader, vllmPage)).toBe("unreadable");
    expect(read(reader, fixture("metrics/sglang.txt"))).toBe("ok");
  });

  test.each([
    ["lacks a reading", vllmPage.replace(/.*kv_cache.*\n/, ""), "partial"],
    ["holds NaN", vllmPage.replace("waiting 1", "waiting NaN"), "partial"],
    ["holds +Inf", vllmPage.replace("running 2", "running +Inf"), "partial"],
    ["holds a number below zero", vllmPage.replace("waiting 1", "waiting -1"), "partial"],
    ["is cut at a line", `${vllmPage}vllm:prompt_tokens_tot`, "partial"],
    ["is empty", "", "unreadable"],
    ["is HTML", "<!doctype html>\n<h1>It works</h1>\n", "unreadable"],
    ["is JSON", '[{"iter":1,"numQueuedRequests":0}]', "unreadable"],
    ["is about something else", "process_start_time_seconds 17\npython_info 1\n", "unreadable"],
    ["has carriage returns", vllmPage.replaceAll("\n", "\r\n"), "ok"],
    ["has every series twice", vllmPage + vllmPage, "ok"],
    ["has timestamps", vllmPage.replaceAll("\n", " 1700000000000\n"), "ok"],
    ["is OpenMetrics with exemplars", `${vllmPage.replaceAll("\n", ' # {trace_id="9"} 0.67 1.5\n')}# EOF\n`, "ok"],
  ])("says how good a page is that %s", (_, text, outcome) => {
    const reader = new PageReader("auto");
    expect(read(reader, text)).toBe(outcome);
    if (outcome === "ok") expect(Array.from(reader.numbers.subarray(0, 3))).toEqual([1, 2, 0.5]);
  });

  test("keeps the traits while nothing changes", () => {
    const reader = new PageReader(engineNamed("vllm") as Engine);
    read(reader, vllmPage + adapters("a", "b", 5));
    const { traits } = reader;
    read(reader, vllmPage + adapters("a", "b", 6));
    expect(reader.traits).toBe(traits);
    read(reader, vllmPage + adapters("b", "", 7));
    expect(reader.traits).toMatchObject({ lora: { running: ["b"], waiting: [] }, adapters: ["a", "b"] });
  });

  test("believes the adapters of the series with the largest value, in whatever order", () => {
    const reader = new PageReader("auto");
    const series = [
      adapters("old", "", 3),
      adapters("b,a, b", "c", 9),
      adapters("", "old", 8),
      adapters("x", "", Number.NaN),
    ];
    for (const text of [series.join(""), series.toReversed().join("")]) {
      read(reader, vllmPage + text);
      expect(reader.traits?.lora).toEqual({ running: ["a", "b"], waiting: ["c"], max: 4 });
    }
    expect(reader.traits?.adapters).toEqual(["a", "b", "c", "old", "x"]);
  });

  test("reads escaped names and an adapter limit that is no number", () => {
    const reader = new PageReader("auto");
    const named = vllmPage.replace("running", 'running{model_name="a\\"b\\\\c"}');
    read(reader, named + lora('running_lora_adapters="a",waiting_lora_adapters="",max_lora="None"', 1));
    expect(reader.traits).toMatchObject({ models: ['a"b\\c'], lora: { running: ["a"], waiting: [], max: Number.NaN } });
  });

  test("forgets the adapters of the process before when another answers", () => {
    const reader = new PageReader("auto");
    const started = (at: number) => `process_start_time_seconds ${at}\n`;
    for (let i = 0; i < 2; i++) read(reader, vllmPage + started(100) + adapters("a", "", 1));
    read(reader, vllmPage + started(200));
    read(reader, vllmPage + started(200) + adapters("b", "", 2));
    expect(reader.traits?.adapters).toEqual(["b"]);
  });

  test("takes no name that is longer than a request may ask for, and of many only so much text", () => {
    const reader = new PageReader("auto");
    const long = "y".repeat(513);
    const named = (name: string) => `vllm:num_requests_running{model_name="${name}"} 0\n`;
    read(reader, vllmPage + named(long) + named("m") + adapters(`${long},a`, `b,${long}`, 1));
    expect(reader.traits).toMatchObject({
      models: ["m"],
      lora: { running: ["a"], waiting: ["b"] },
      adapters: ["a", "b"],
    });
    const many = Array.from({ length: 300 }, (_, i) => named(`${i}${"x".repeat(500)}`)).join("");
    read(reader, vllmPage + many);
    expect(reader.traits?.models.join("").length).toBeGreaterThan(60_000);
    expect(reader.traits?.models.join("").length).toBeLessThan(66_000);
  });

  test("remembers what labels say, up to a certain amount of text", () => {
    const reader = new PageReader(engineNamed("vllm") as Engine);
    const decoded = vi.spyOn(Sample.prototype, "foundText");
    const decodedIn = (text: string) => {
      decoded.mockClear();
      read(reader, vllmPage + text);
      return decoded.mock.calls.length;
    };
    const usual = Array.from({ length: 500 }, (_, i) => adapters(`a${i}`, `b${i}`, i)).join("");
    expect([decodedIn(usual), decodedIn(usual)]).toEqual([1000, 0]);
    const huge = Array.from({ length: 10 }, (_, i) => adapters(`a${i},`.repeat(10_000), "", i)).join("");
    expect([decodedIn(huge), decodedIn(huge)]).toEqual([20, 20]);
    decoded.mockRestore();
  });

  test("sees no restart in a page that was cut, of which less than all counters is left", () => {
    const counted = (rank: number, count: number) => `vllm:prompt_tokens_total{engine="${rank}"} ${count}\n`;
    const reader = new PageReader("auto");
    const watch = new RestartWatch();
    read(reader, vllmPage + counted(0, 500) + counted(1, 500));
    expect(watch.sees(reader.numbers)).toBe(false);
    expect(read(reader, `${vllmPage}${counted(0, 510)}vllm:prompt_tok`)).toBe("partial");
    expect(watch.sees(reader.numbers)).toBe(false);
    expect(Array.from(reader.numbers.subarray(0, 3))).toEqual([1, 2, 0.5]);
    read(reader, vllmPage + counted(0, 20) + counted(1, 20));
    expect(watch.sees(reader.numbers)).toBe(true);
  });

  test("holds no more names than a page may reasonably have", () => {
    const reader = new PageReader("auto");
    const many = Array.from({ length: 6000 }, (_, i) => adapters(`a${i}`, "", i)).join("");
    expect(read(reader, vllmPage + many)).toBe("ok");
    expect(reader.traits?.adapters).toHaveLength(1000);
    expect(reader.traits?.lora?.running).toEqual(["a5999"]);
  });
});

describe("RestartWatch", () => {
  const numbers = (told: Partial<Record<(typeof numberNames)[number], number>>) =>
    Float64Array.from(numberNames, (name) => told[name] ?? Number.NaN);

  test.each([
    ["a later start", [{ startedAtSeconds: 100 }, { startedAtSeconds: 160 }], true],
    ["the same start", [{ startedAtSeconds: 100 }, { startedAtSeconds: 100 }], false],
    ["a clock set by a second", [{ startedAtSeconds: 100 }, { startedAtSeconds: 101 }], false],
    [
      "the same start whatever the counters",
      [
        { startedAtSeconds: 9, promptTokens: 5 },
        { startedAtSeconds: 9, promptTokens: 4 },
      ],
      false,
    ],
    ["a counter that fell", [{ generationTokens: 5 }, { generationTokens: 0 }], true],
    ["a counter that fell behind a page without it", [{ promptTokens: 5 }, {}, { promptTokens: 1 }], true],
    ["a counter that rose", [{ promptTokens: 5 }, { promptTokens: 6 }], false],
    ["nothing told", [{}, {}], false],
    ["a start first told", [{ promptTokens: 5 }, { startedAtSeconds: 100, promptTokens: 6 }], false],
  ])("%s", (_, pages, restarted) => {
    const watch = new RestartWatch();
    expect(pages.map((page) => watch.sees(numbers(page))).at(-1)).toBe(restarted);
    expect(watch.sees(numbers(pages.at(-1) ?? {}))).toBe(false);
  });
});
