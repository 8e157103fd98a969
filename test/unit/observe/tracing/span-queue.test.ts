import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test, vi } from "vitest";
import type { Logger } from "../../../../src/observe/log.ts";
import { Metrics } from "../../../../src/observe/metrics.ts";
import { SpanQueue } from "../../../../src/observe/tracing/span-queue.ts";
import { SpanReport } from "../../../../src/observe/tracing/span-report.ts";

type Done = Parameters<SpanExporter["export"]>[1];

/** A collector that answers when the test says so. */
class HeldExporter implements SpanExporter {
  readonly batches: number[] = [];
  readonly #waiting: Done[] = [];
  hasEnded = false;

  export(spans: ReadableSpan[], done: Done): void {
    this.batches.push(spans.length);
    this.#waiting.push(done);
  }

  async answer(error?: Error): Promise<void> {
    this.#waiting.shift()?.(error === undefined ? { code: 0 } : { code: 1, error });
    await new Promise((resolve) => setImmediate(resolve));
  }

  async shutdown(): Promise<void> {
    this.hasEnded = true;
  }
}

let exporter: HeldExporter;
let metrics: Metrics;
let lines: { level: string; fields: unknown; message: string }[];
let queue: SpanQueue;

beforeEach(() => {
  exporter = new HeldExporter();
  metrics = new Metrics("test");
  lines = [];
  const say = (level: string) => (fields: unknown, message?: string) =>
    lines.push(
      typeof fields === "string" ? { level, fields: {}, message: fields } : { level, fields, message: message ?? "" },
    );
  const log = { info: say("info"), warn: say("warn") } as unknown as Logger;
  queue = new SpanQueue(exporter, new SpanReport(log, metrics.instruments), { limit: 100, delayMs: 1 });
});

const end = (count: number) => {
  for (let i = 0; i < count; i++) queue.onEnd({} as ReadableSpan);
};
const counted = (outcome: string) => metrics.instruments.spans.valueOf({ outcome });

test("SpanQueue sends batches one at a time, never within the call that ends a span", async () => {
  end(64);
  expect(exporter.batches).toEqual([]);
  await vi.waitFor(() => expect(exporter.batches).toEqual([64]));
  end(10);
  await exporter.answer();
  await vi.waitFor(() => expect(exporter.batches).toEqual([64, 10]));
  await exporter.answer();
  expect(counted("sent")).toBe(74);
});

test("SpanQueue drops and counts what comes while a dead collector keeps it full", async () => {
  end(64);
  await vi.waitFor(() => expect(exporter.batches).toEqual([64]));
  end(150);
  expect(counted("dropped")).toBe(50);
  expect(exporter.batches).toEqual([64]);
});

test("a collector that fails is said once, and once more when it takes spans again", async () => {
  for (let i = 0; i < 3; i++) {
    end(1);
    await vi.waitFor(() => expect(exporter.batches).toHaveLength(i + 1));
    await exporter.answer(new Error("connect ECONNREFUSED"));
  }
  expect(lines).toEqual([
    {
      level: "warn",
      fields: { problem: "connect ECONNREFUSED" },
      message: expect.stringContaining("spans cannot be sent"),
    },
  ]);
  expect(counted("failed")).toBe(3);
  end(1);
  await vi.waitFor(() => expect(exporter.batches).toHaveLength(4));
  await exporter.answer();
  expect(lines.slice(1)).toEqual([{ level: "info", fields: {}, message: "the collector takes spans again" }]);
});

test("an exporter that throws costs its batch and nothing else", async () => {
  exporter.export = () => {
    throw new Error("broken by the test");
  };
  end(2);
  await vi.waitFor(() => expect(counted("failed")).toBe(2));
});

test("shutdown sends what is left, then ends the exporter, and takes no more", async () => {
  end(70);
  const over = queue.shutdown();
  await vi.waitFor(() => expect(exporter.batches).toEqual([64]));
  await exporter.answer();
  await vi.waitFor(() => expect(exporter.batches).toEqual([64, 6]));
  await exporter.answer();
  await over;
  expect(exporter.hasEnded).toBe(true);
  end(1);
  expect(exporter.batches).toEqual([64, 6]);
});
