/** What discovery finds -> counts, log lines at changes only, and the gauges of sources and pools. */
import type { Discovery, DiscoveryEvents, PodChange } from "../discovery/discovery.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Pools } from "../pods/pools.ts";
import { labelText } from "./instruments.ts";
import type { Logger } from "./log.ts";
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
    this.#log.info({ source, joined: named(joined), left: named(left) }, "the set of pods changed");
    this.#then(change);
  }

  failed(source: string, problem: string, again: boolean): void {
    this.#instruments.sourceFailures.add({ source });
    if (!again) this.#log.warn({ source, problem }, "a source of pods cannot tell at present; its last set stays");
  }

  recovered(source: string): void {
    this.#log.info({ source }, "a source of pods can tell again");
  }
}

function named(pods: readonly Pod[]): string[] {
  const names = pods.slice(0, NAMED_AT_MOST).map(({ name }) => name);
  return pods.length > NAMED_AT_MOST ? [...names, `and ${pods.length - NAMED_AT_MOST} more`] : names;
}

export function readDiscoveryGauges(discovery: Discovery, pools: Pools, table: PodTable, to: Instruments): void {
  to.sourceAge.readFrom((write) => {
    for (const { name, ageMs } of discovery.states()) write(labelText("source", name), ageMs / 1000);
  });
  to.poolPods.readFrom((write) => {
    for (const { name, members } of pools.all) write(labelText("pool", name), members.size);
  });
  to.poolUsable.readFrom((write) => {
    for (const { name, members } of pools.all) {
      const isUsable = (slot: number) => table.reachable[slot] === 1 && table.setAside[slot] === 0;
      write(labelText("pool", name), members.slots.subarray(0, members.size).filter(isUsable).length);
    }
  });
}
