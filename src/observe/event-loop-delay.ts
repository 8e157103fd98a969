/**
 * How late the event loop is, under the names that Node's metrics have everywhere: read at once, so that two pages that
 * are made at the same time do not take each other's readings away, and left out where nothing was measured since.
 */
import { type Histogram, monitorEventLoopDelay } from "node:perf_hooks";
import { type Family, headOf } from "./metric-cells.ts";

const PREFIX = "nodejs_eventloop_lag_";

type Read = (histogram: Pick<Histogram, "min" | "max" | "mean" | "stddev" | "percentile">) => number;

const readings: readonly (readonly [name: string, help: string, read: Read])[] = [
  ["min", "The minimum recorded event loop delay.", ({ min }) => min],
  ["max", "The maximum recorded event loop delay.", ({ max }) => max],
  ["mean", "The mean of the recorded event loop delays.", ({ mean }) => mean],
  ["stddev", "The standard deviation of the recorded event loop delays.", ({ stddev }) => stddev],
  ["p50", "The 50th percentile of the recorded event loop delays.", (all) => all.percentile(50)],
  ["p90", "The 90th percentile of the recorded event loop delays.", (all) => all.percentile(90)],
  ["p99", "The 99th percentile of the recorded event loop delays.", (all) => all.percentile(99)],
];

export const eventLoopDelayNames: readonly string[] = readings.map(([name]) => `${PREFIX}${name}_seconds`);

export class EventLoopDelay implements Family {
  readonly name = `${PREFIX}seconds`;
  readonly #histogram: Histogram;

  /** By default that of this thread, from now on. */
  constructor(histogram?: Histogram) {
    if (histogram !== undefined) {
      this.#histogram = histogram;
      return;
    }
    const own = monitorEventLoopDelay();
    own.enable();
    this.#histogram = own;
  }

  pieces(): Iterable<string> {
    const histogram = this.#histogram;
    const isEmpty = histogram.count === 0;
    let text = "";
    for (const [name, help, read] of readings) {
      const full = `${PREFIX}${name}_seconds`;
      text += headOf({ name: full, help, labels: [] }, "gauge");
      if (!isEmpty) text += `${full} ${read(histogram) / 1e9}\n`;
    }
    histogram.reset();
    return [text];
  }
}
