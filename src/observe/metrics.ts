/** The instruments of every metric of the picker, and the page they make. */
import { setImmediate as afterOthers } from "node:timers/promises";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { HotCounter, HotHistogram, type MetricSpec, PolledFamily } from "./instruments.ts";
import { type AnySpec, metricSpecs, SECONDS_BOUNDS } from "./metric-specs.ts";

type Specs = typeof metricSpecs;
type Instrument<S extends AnySpec> = S extends { polled: true }
  ? PolledFamily
  : S["kind"] extends "counter"
    ? HotCounter
    : S["kind"] extends "histogram"
      ? HotHistogram
      : Gauge;
export type Instruments = { readonly [K in keyof Specs]: Instrument<Specs[K]> };

/** Whose names the metrics have: ours, those of the Go picker, or each in turn. */
export type MetricNames = "pointsman" | "go" | "both";

/** For so long the page is written before requests are let in. */
const SLICE_MS = 2;

export class Metrics {
  /** Of our own names, and of process and runtime. */
  readonly #own = new Registry();
  readonly #process = new Registry();
  readonly #tellsOwn: boolean;
  readonly instruments: Instruments;
  /** Called before each rendering, to bring the gauges up to date. */
  readonly refreshers: (() => void)[] = [];
  readonly #families: PolledFamily[] = [];
  /** Families under other names, which write their own text. */
  readonly others: { pieces(): Iterable<string> }[] = [];

  constructor(version: string, names: MetricNames = "pointsman") {
    this.#tellsOwn = names !== "go";
    this.instruments = Object.fromEntries(
      Object.entries(metricSpecs).map(([key, spec]) => [key, this.#instrument(spec)]),
    ) as Instruments;
    this.instruments.info.set({ version, node: process.versions.node }, 1);
  }

  /** Adds the metrics of process and runtime under their usual names: CPU, memory, event-loop lag, GC pauses. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#process });
  }

  async render(): Promise<string> {
    let page = "";
    for await (const part of this.parts()) page += part;
    return page;
  }

  /** The page, bit by bit. It may be some MB, and the thread that writes it is the one that picks: requests are let in between. */
  async *parts(): AsyncGenerator<string> {
    for (const refresh of this.refreshers) refresh();
    const kept = [await this.#process.metrics()];
    if (this.#tellsOwn) kept.push(await this.#own.metrics(), ...this.#families.map((family) => family.text()));
    yield kept.join("\n");
    for (const family of this.others) {
      await afterOthers();
      yield* slices(family.pieces());
    }
  }

  #instrument(spec: AnySpec): HotCounter | HotHistogram | Gauge | PolledFamily {
    if (spec.polled) return this.#family(spec, spec.kind);
    const { name, help, labels } = spec;
    if (spec.kind === "gauge") return new Gauge({ name, help, labelNames: [...labels], registers: [this.#own] });
    const hot = spec.kind === "counter" ? new HotCounter(spec) : new HotHistogram(spec, spec.bounds ?? SECONDS_BOUNDS);
    // prom-client asks a metric for nothing but its name and get(); its types ask for more.
    this.#own.registerMetric(hot as unknown as Gauge);
    return hot;
  }

  #family(spec: MetricSpec, kind: "counter" | "gauge"): PolledFamily {
    const family = new PolledFamily(spec, kind);
    this.#families.push(family);
    return family;
  }
}

/** The text of a family behind others, as much at once as a slice of time allows. */
async function* slices(pieces: Iterable<string>): AsyncGenerator<string> {
  let text = "\n";
  let sinceMs = performance.now();
  for (const piece of pieces) {
    text += piece;
    if (performance.now() - sinceMs < SLICE_MS) continue;
    yield text;
    text = "";
    await afterOthers();
    sinceMs = performance.now();
  }
  yield text;
}
