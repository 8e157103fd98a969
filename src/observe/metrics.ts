/** The instruments of every metric of the picker, and the page they make. */
import { setImmediate as afterOthers } from "node:timers/promises";
import { collectDefaultMetrics, Registry } from "prom-client";
import { EventLoopDelay, eventLoopDelayNames } from "./event-loop-delay.ts";
import { HotHistogram } from "./hot-histogram.ts";
import { type Family, HotCounter, HotGauge, PolledFamily } from "./instruments.ts";
import { type AnySpec, metricSpecs, SECONDS_BOUNDS } from "./metric-specs.ts";

type Specs = typeof metricSpecs;
type Instrument<S extends AnySpec> = S extends { polled: true }
  ? PolledFamily
  : S["kind"] extends "counter"
    ? HotCounter
    : S["kind"] extends "histogram"
      ? HotHistogram
      : HotGauge;
export type Instruments = { readonly [K in keyof Specs]: Instrument<Specs[K]> };

/** Whose names the metrics have: ours, those of the Go picker, or each in turn. */
export type MetricNames = "pointsman" | "go" | "both";

/** For so long the page is written before requests are let in. */
const SLICE_MS = 0.25;
/** So much is sent at once. */
const PART_LENGTH = 32_768;

export class Metrics {
  readonly instruments: Instruments;
  /** Called before each rendering, to bring the gauges up to date. */
  readonly refreshers: (() => void)[] = [];
  /** Families under other names, which write their own text. */
  readonly others: Family[] = [];
  /** Told once of each family that could not be written; the page goes on without it. */
  onFault: (family: string, error: unknown) => void = () => {};
  readonly #tellsOwn: boolean;
  readonly #own: readonly Family[];
  readonly #process = new Registry();
  #loopDelay: Family | undefined;
  readonly #failed = new Set<string>();

  constructor(version: string, names: MetricNames = "pointsman") {
    this.#tellsOwn = names !== "go";
    this.instruments = Object.fromEntries(
      Object.entries(metricSpecs).map(([key, spec]) => [key, instrumentOf(spec)]),
    ) as Instruments;
    this.#own = Object.values(this.instruments);
    this.instruments.info.set({ version, node: process.versions.node }, 1);
  }

  /** Adds the metrics of process and runtime under their usual names: CPU, memory, event-loop delay, GC pauses. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#process });
    for (const name of eventLoopDelayNames) this.#process.removeSingleMetric(name);
    this.#loopDelay = new EventLoopDelay();
  }

  async render(): Promise<string> {
    let page = "";
    for await (const part of this.parts()) page += part;
    return page;
  }

  /**
   * The page, bit by bit. It may be some MB, and the thread that writes it is the one that picks: requests are let in
   * between. A family is there as a whole or, where it could not be written, not at all.
   */
  async *parts(): AsyncGenerator<string> {
    const turn = new Turn();
    for (const refresh of this.refreshers) {
      try {
        refresh();
      } catch (error) {
        this.#fault("gauges", error);
      }
    }
    let text = "";
    for await (const part of this.#texts(turn)) {
      text += part;
      if (text.length < PART_LENGTH) continue;
      yield text;
      text = "";
      // Whoever sends it has work with it too.
      if (turn.isOver) await turn.next();
    }
    yield text;
  }

  async *#texts(turn: Turn): AsyncGenerator<string> {
    for (const { name } of this.#process.getMetricsAsArray()) {
      const write = async () => [await this.#process.getSingleMetricAsString(name), "\n"];
      yield* await this.#guarded(name, write);
      if (turn.isOver) await turn.next();
    }
    const loopDelay = this.#loopDelay === undefined ? [] : [this.#loopDelay];
    for (const family of [...loopDelay, ...(this.#tellsOwn ? this.#own : []), ...this.others]) {
      yield* await this.#guarded(family.name, () => partsOf(family, turn));
    }
  }

  async #guarded(family: string, write: () => Promise<string[]>): Promise<string[]> {
    try {
      return await write();
    } catch (error) {
      this.#fault(family, error);
      return [];
    }
  }

  #fault(family: string, error: unknown): void {
    this.instruments.faults.add({ where: "metrics" });
    if (this.#failed.has(family)) return;
    this.#failed.add(family);
    this.onFault(family, error);
  }
}

/** For how long this thread has written since it last let others in. */
class Turn {
  #sinceMs = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#sinceMs > SLICE_MS;
  }

  async next(): Promise<void> {
    await afterOthers();
    this.#sinceMs = performance.now();
  }
}

/** All of a family's text before any of it is sent; not as one, which would take long to be sent. */
async function partsOf(family: Family, turn: Turn): Promise<string[]> {
  const parts: string[] = [];
  let text = "";
  for (const piece of family.pieces()) {
    text += piece;
    if (turn.isOver) await turn.next();
    if (text.length < PART_LENGTH) continue;
    parts.push(text);
    text = "";
  }
  parts.push(text);
  return parts;
}

function instrumentOf(spec: AnySpec): HotCounter | HotHistogram | HotGauge | PolledFamily {
  if (spec.polled) return new PolledFamily(spec, spec.kind);
  if (spec.kind === "counter") return new HotCounter(spec);
  if (spec.kind === "histogram") return new HotHistogram(spec, spec.bounds ?? SECONDS_BOUNDS);
  return new HotGauge(spec);
}
