import { createHistogram } from "node:perf_hooks";
import { expect, test } from "vitest";
import { EventLoopDelay, eventLoopDelayNames } from "../../../src/observe/event-loop-delay.ts";
import { Metrics } from "../../../src/observe/metrics.ts";

const samples = (page: string) => page.split("\n").filter((line) => /^nodejs_eventloop_lag_\w+_seconds /.test(line));

test("EventLoopDelay tells what was measured since it was last asked, and nothing where nothing was", () => {
  const histogram = createHistogram();
  const delay = new EventLoopDelay(histogram);
  const text = () => [...delay.pieces()].join("");
  expect(samples(text())).toEqual([]);
  expect(text()).toContain("# TYPE nodejs_eventloop_lag_p99_seconds gauge\n");
  for (let i = 0; i < 100; i++) histogram.record(2_000_000);
  const said = samples(text());
  expect(said.map((line) => line.split(" ")[0])).toEqual(eventLoopDelayNames);
  for (const line of said.filter((each) => !each.includes("stddev")))
    expect(Number(line.split(" ")[1])).toBeCloseTo(0.002, 4);
  expect(samples(text())).toEqual([]);
});

test("Metrics tell the delay of the event loop to each of several that ask at once either whole or not at all", async () => {
  const metrics = new Metrics("1.0.0");
  metrics.watchProcess();
  const pages = await Promise.all([metrics.render(), metrics.render(), metrics.render()]);
  for (const page of pages) {
    expect([0, eventLoopDelayNames.length]).toContain(samples(page).length);
    expect(samples(page).filter((line) => /NaN|e\+/.test(line))).toEqual([]);
    for (const name of eventLoopDelayNames) expect(page.split(`# TYPE ${name} gauge`)).toHaveLength(2);
    expect(page).toContain("# TYPE nodejs_gc_duration_seconds ");
  }
});
