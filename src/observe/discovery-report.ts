/** What discovery finds -> counts, log lines at changes only, and the gauges of sources and pools. */
import type { Discovery, DiscoveryEvents, PodChange, SourceName } from "../discovery/discovery.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Pools } from "../pods/pools.ts";
import { leastWaitingIn, toldIn, usableIn } from "../pods/usable-pods.ts";
import type { Logger } from "./log.ts";
import { labelsText } from "./metric-cells.ts";
import type { Instruments } from "./metrics.ts";

/** Names of that many pods make a line long enough. */
const NAMED_AT_MOST = 20;

export class DiscoveryReport implements DiscoveryEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  /** Told as well, after the line is written. */
  readonly #then: (change: PodChange) => void;

  constructor(log: Logger, instruments: Instruments, then: (change: PodChange) => void) {
    this.#log = log;
    this.#instruments = instruments;
    this.#then = then;
  }

  changed(change: PodChange): void {
    const { source, joined, left } = change;
    this.#log.info({ ...fields(source), joined: named(joined), left: named(left) }, "the set of pods changed");
    this.#then(change);
  }

  failed(source: SourceName, problem: string, again: boolean, known: boolean): void {
    this.#instruments.sourceFailures.add({ pool: source.pool, source: source.name });
    if (again) return;
    const kept = known ? "its last set stays" : "it has not told any pods yet, and is asked again";
    this.#log.warn({ ...fields(source), problem }, `a source of pods cannot tell at present; ${kept}`);
  }

  recovered(source: SourceName): void {
    this.#log.info(fields(source), "a source of pods can tell again");
  }
}

/** A source that names pools itself has none. */
function fields({ name, pool }: SourceName): object {
  return { source: name, ...(pool !== "" && { pool }) };
}

function named(pods: readonly Pod[]): string[] {
  const names = pods.slice(0, NAMED_AT_MOST).map(({ name }) => name);
  return pods.length > NAMED_AT_MOST ? [...names, `and ${pods.length - NAMED_AT_MOST} more`] : names;
}

export function readDiscoveryGauges(discovery: Discovery, pools: Pools, table: PodTable, to: Instruments): void {
  to.sourceAge.readFrom((write) => {
    // A source that a pool names twice is one series: its first.
    const written = new Set<string>();
    for (const { name, pool, ageMs } of discovery.states()) {
      const labels = labelsText({ pool, source: name });
      if (!written.has(labels)) write(labels, ageMs / 1000);
      written.add(labels);
    }
  });
  to.poolPods.readFrom((write) => {
    for (const { name, members } of pools.all) write(labelsText({ pool: name }), members.size);
  });
  to.poolTold.readFrom((write) => {
    for (const { name, members } of pools.all) write(labelsText({ pool: name }), toldIn(table, members));
  });
  to.poolLeastWaiting.readFrom((write) => {
    for (const { name, members } of pools.all) write(labelsText({ pool: name }), leastWaitingIn(table, members));
  });
  to.poolUsable.readFrom((write) => {
    for (const { name, members } of pools.all) write(labelsText({ pool: name }), usableIn(table, members));
  });
}
