import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Engine, engineNamed } from "../../../src/scrape/engines.ts";
import { MetricsParser } from "../../../src/scrape/parse-metrics.ts";
import { Random } from "../../support/random.ts";

const vllm = engineNamed("vllm") as Engine;

/** The three readings, which come first. */
function readingsOf({ numbers }: MetricsParser) {
  const [waiting, running, kvUsage] = numbers;
  return { waiting, running, kvUsage };
}

const recorded = {
  "metrics-idle-fresh.txt": { waiting: 0, running: 0, kvUsage: 0 },
  "metrics-under-load.txt": { waiting: 16, running: 8, kvUsage: 0.45401174168297453 },
  "metrics-under-load-no-lora.txt": { waiting: 12, running: 8, kvUsage: 0.6105675146771037 },
};

function page(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../../fixtures/vllm", name));
}

function parse(...chunks: (string | Buffer)[]) {
  const parser = new MetricsParser([vllm]);
  for (const chunk of chunks) parser.write(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  const { known } = parser.end();
  return { ...readingsOf(parser), known };
}

/** The value a line gives for `waiting`. */
function waitingOf(line: string): number | undefined {
  return parse(`${line}\n`).waiting;
}

describe("MetricsParser reads recorded pages", () => {
  for (const [name, readings] of Object.entries(recorded)) {
    test(`of ${name}`, () => {
      expect(parse(page(name))).toEqual({ ...readings, kvUsage: expect.closeTo(readings.kvUsage, 14), known: 3 });
    });
  }

  test("cut anywhere in the lines that matter", () => {
    const whole = page("metrics-under-load.txt");
    const from = whole.indexOf("# HELP vllm:num_requests_running");
    const part = whole.subarray(from, whole.indexOf("\n", whole.indexOf("\nvllm:kv_cache_usage_perc") + 1) + 1);
    const expected = parse(part);
    expect(expected).toMatchObject({ waiting: 16, running: 8, known: 3 });
    for (let cut = 0; cut <= part.length; cut++) {
      expect(parse(part.subarray(0, cut), part.subarray(cut)), `cut at ${cut}`).toEqual(expected);
    }
  });

  test("one byte at a time", () => {
    const whole = page("metrics-under-load.txt");
    const bytes = Array.from({ length: whole.length }, (_, at) => whole.subarray(at, at + 1));
    expect(parse(...bytes)).toEqual(parse(whole));
  });

  test("in chunks of random sizes", () => {
    const random = new Random(7);
    const whole = page("metrics-under-load-no-lora.txt");
    const expected = parse(whole);
    for (let round = 0; round < 100; round++) {
      const chunks: Buffer[] = [];
      const largest = 2 ** random.int(14);
      for (let at = 0; at < whole.length; ) {
        const size = random.int(largest + 1);
        chunks.push(whole.subarray(at, at + size));
        at += size;
      }
      expect(parse(...chunks), `round ${round}`).toEqual(expected);
    }
  });

  test("given as a part of a larger buffer", () => {
    const text = Buffer.from("xx\nvllm:num_requests_waiting 5\nyy");
    expect(parse(text.subarray(3, 32)).waiting).toBe(5);
  });
});

describe("MetricsParser reads the value of", () => {
  test.each([
    ["no labels", "vllm:num_requests_waiting 3", 3],
    ["empty labels", "vllm:num_requests_waiting{} 3", 3],
    ["a fraction", 'vllm:num_requests_waiting{engine="0"} 3.25', 3.25],
    ["an exponent", "vllm:num_requests_waiting 1.5e3", 1500],
    ["a negative exponent", "vllm:num_requests_waiting 25E-1", 2.5],
    ["a signed exponent", "vllm:num_requests_waiting +2e+2", 200],
    ["a fraction without digits before the dot", "vllm:num_requests_waiting .5", 0.5],
    ["minus zero", "vllm:num_requests_waiting -0.0", -0],
    ["a timestamp behind", "vllm:num_requests_waiting 4 1700000000000", 4],
    ["an exemplar behind", 'vllm:num_requests_waiting 4 # {trace_id="9"} 0.67', 4],
    ["a carriage return behind", 'vllm:num_requests_waiting{engine="0"} 6\r', 6],
    ["tabs and blanks all over", ' \tvllm:num_requests_waiting\t {engine="0"} \t 7 \t', 7],
    ["a blank before the labels", 'vllm:num_requests_waiting {engine="0"} 8', 8],
    ["a label with braces and blanks", 'vllm:num_requests_waiting{model_name="a } 99 {b"} 9', 9],
    ["a label with escaped quotes", 'vllm:num_requests_waiting{model_name="a\\"} 99 \\\\"} 10', 10],
    ["labels that end at the value", 'vllm:num_requests_waiting{engine="0"}11', 11],
  ])("a line with %s", (_, line, value) => {
    expect(waitingOf(line)).toBe(value);
  });

  test.each([
    ["NaN", "vllm:num_requests_waiting NaN"],
    ["+Inf", "vllm:num_requests_waiting +Inf"],
    ["a number below zero", "vllm:num_requests_waiting -1"],
    ["a number beyond all bounds", "vllm:num_requests_waiting 1e999"],
    ["a word", "vllm:num_requests_waiting many"],
    ["a number with a tail", "vllm:num_requests_waiting 12x"],
    ["two dots", "vllm:num_requests_waiting 1.2.3"],
    ["a lone sign", "vllm:num_requests_waiting -"],
    ["an exponent without digits", "vllm:num_requests_waiting 1e"],
    ["an exponent that is only a sign", "vllm:num_requests_waiting 1e-"],
    ["an exponent with a tail", "vllm:num_requests_waiting 1e2x"],
    ["nothing behind the name", "vllm:num_requests_waiting "],
    ["nothing behind the labels", 'vllm:num_requests_waiting{engine="0"}'],
    ["labels that never end", 'vllm:num_requests_waiting{engine="0 5'],
  ])("no line with %s: the reading stays unknown", (_, line) => {
    expect(waitingOf(line)).toBeNaN();
    expect(parse(`${line}\n`).known).toBe(0);
  });
});

describe("MetricsParser takes metric names whole:", () => {
  test.each([
    'vllm:num_requests_waiting_by_reason{reason="capacity"} 5',
    "vllm:num_requests_waitin 5",
    "vllm:num_requests_waitinG 5",
    "xvllm:num_requests_waiting 5",
    "# vllm:num_requests_waiting 5",
    "vllm:num_requests_waiting",
    "vllm:num_requests_waiting_total 5",
    "",
  ])("%j is not the queue", (line) => {
    expect(waitingOf(line)).toBeNaN();
  });
});

describe("MetricsParser merges the series of one pod:", () => {
  test("requests are summed over its engines", () => {
    const text = 'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_running{engine="1"} 3\n';
    expect(parse(text)).toMatchObject({ running: 5, known: 1 });
  });

  test("the very series twice counts once, with the larger number", () => {
    const text = 'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_running{engine="0"} 3\n';
    expect(parse(text).running).toBe(3);
    expect(parse(text.split("\n").toReversed().slice(1).join("\n"), "\n").running).toBe(3);
    expect(parse("vllm:num_requests_waiting 4\nvllm:num_requests_waiting 4\n").waiting).toBe(4);
  });

  test("without a number for the engine every label set is one of its own", () => {
    const text = 'vllm:num_requests_running{model_name="a"} 2\nvllm:num_requests_running{model_name="b"} 3\n';
    expect(parse(text).running).toBe(5);
  });

  test("more series than any pod has make the number unknown", () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `vllm:num_requests_running{engine="${i}"} 1\n`);
    expect(parse(lines.slice(0, 256).join("")).running).toBe(256);
    expect(parse(lines.join(""), "vllm:num_requests_waiting 1\n")).toMatchObject({ running: Number.NaN, waiting: 1 });
  });

  test.each([
    [1, 1],
    [1.000001, 1],
    [1.2, Number.NaN],
    [45.4, Number.NaN],
  ])("a share of %d is read as %d", (told, kvUsage) => {
    expect(parse(`vllm:kv_cache_usage_perc ${told}\n`).kvUsage).toBe(kvUsage);
  });

  test("KV usage is that of its fullest engine", () => {
    const text = ["0.25", "0.75", "0.5"].map((v, i) => `vllm:kv_cache_usage_perc{engine="${i}"} ${v}\n`).join("");
    expect(parse(text).kvUsage).toBe(0.75);
  });

  test("one engine with no usable number makes the sum unknown", () => {
    const text = 'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_running{engine="1"} NaN\n';
    expect(parse(text).running).toBeNaN();
  });

  test("the older name of KV usage counts where the newer one is absent", () => {
    expect(parse("vllm:gpu_cache_usage_perc 0.5\n").kvUsage).toBe(0.5);
  });

  test("the newer name of KV usage wins whatever the order", () => {
    expect(parse("vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n").kvUsage).toBe(0.25);
  });
});

describe("MetricsParser on odd pages:", () => {
  test.each([
    ["in the middle of a number", "vllm:num_requests_running 2\nvllm:num_requests_waiting 1", false],
    ["in the middle of a name", "vllm:num_requests_running 2\nvllm:num_requ", false],
    ["behind a line", "vllm:num_requests_running 2\n", true],
    ["behind a line and blanks", "vllm:num_requests_running 2\n  ", true],
    ["behind a line and a carriage return", "vllm:num_requests_running 2\r\n\r", true],
    ["in a comment", "vllm:num_requests_running 2\n# EOF", true],
    ["in a line that is too long", `vllm:num_requests_running 2\n${"x".repeat(70_000)}`, false],
  ])("a page that ends %s", (_, text, whole) => {
    const parser = new MetricsParser([vllm]);
    parser.write(Buffer.from(text));
    expect(parser.end()).toMatchObject({ whole, known: 1 });
    expect(readingsOf(parser)).toEqual({ waiting: Number.NaN, running: 2, kvUsage: Number.NaN });
  });

  test("names of a page that was cut are not believed", () => {
    const parser = new MetricsParser([vllm]);
    parser.write(page("metrics-under-load.txt"));
    parser.end();
    const { traits } = parser;
    expect(traits.models).toEqual(["tiny"]);
    parser.write(Buffer.from("vllm:num_requests_running 2\nvllm:lora_requests_info{max_l"));
    parser.end();
    expect(parser.traits).toBe(traits);
  });

  test("OpenMetrics with its end mark is read", () => {
    expect(parse("# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 4.0\n# EOF\n").waiting).toBe(4);
  });

  test.each([["in one chunk"], ["over chunks"], ["over many chunks"]])(
    "a line that is too long is skipped %s",
    (how) => {
      const long = `vllm:num_requests_waiting{model_name="${"m".repeat(70_000)}"} 9`;
      const text = `${long}\nvllm:num_requests_running 2\n${long}\n`;
      const size = { "in one chunk": text.length, "over chunks": 30_000, "over many chunks": 100 }[how] ?? 0;
      const chunks = [];
      for (let at = 0; at < text.length; at += size) chunks.push(text.slice(at, at + size));
      expect(parse(...chunks)).toMatchObject({ waiting: Number.NaN, running: 2 });
    },
  );

  test("a line just within the bound is read however it is cut", () => {
    const start = 'vllm:num_requests_waiting{model_name="';
    const line = `${start}${"m".repeat(65_536 - start.length - 4)}"} 9`;
    expect(line.length).toBe(65_536);
    expect(parse(`${line}\n`).waiting).toBe(9);
    expect(parse(line.slice(0, 6000), `${line.slice(6000)}\n`).waiting).toBe(9);
    expect(parse(`${line} \n`).waiting).toBeNaN();
    expect(parse(line.slice(0, 6000), `${line.slice(6000)} \n`).waiting).toBeNaN();
  });

  test("a page begins afresh after the end of another", () => {
    const parser = new MetricsParser([vllm]);
    parser.write(Buffer.from("vllm:num_requests_waiting 4\nvllm:num_requests_running 1\n"));
    parser.end();
    parser.write(Buffer.from("vllm:num_requests_waiting 5\n"));
    expect(parser.end().known).toBe(1);
    expect(readingsOf(parser)).toEqual({ waiting: 5, running: Number.NaN, kvUsage: Number.NaN });
  });

  test("reset forgets a page that broke off, with its half line", () => {
    const parser = new MetricsParser([vllm]);
    parser.write(Buffer.from("vllm:num_requests_running 1\nvllm:num_requests_waiting 4"));
    parser.reset();
    parser.write(Buffer.from("2\nvllm:kv_cache_usage_perc 0.5\n"));
    parser.end();
    expect(readingsOf(parser)).toEqual({ waiting: Number.NaN, running: Number.NaN, kvUsage: 0.5 });
  });

  test("random damage never throws and never gives a reading that is no load", () => {
    const random = new Random(11);
    const whole = page("metrics-under-load.txt");
    const part = whole.subarray(whole.indexOf("# HELP vllm:num_requests_running")).subarray(0, 2500);
    const parser = new MetricsParser([vllm]);
    for (let round = 0; round < 2000; round++) {
      const damaged = Buffer.from(part);
      for (let i = 0; i < 40; i++) damaged[random.int(part.length)] = random.int(256);
      parser.write(damaged.subarray(0, 1000));
      parser.write(damaged.subarray(1000));
      parser.end();
      for (const value of Object.values(parser.numbers)) {
        expect(Number.isNaN(value) || (value >= 0 && value < Number.POSITIVE_INFINITY)).toBe(true);
      }
    }
  });
});
