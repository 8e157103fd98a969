/** How many pods a pick would rather take than not: those that answer and are not set aside. */
import type { PodTable } from "./pod-table.ts";
import type { SlotList } from "./pool.ts";

export function usableIn({ reachable, setAside }: PodTable, { slots, size }: SlotList): number {
  let usable = 0;
  for (const slot of slots.subarray(0, size)) if (reachable[slot] === 1 && setAside[slot] === 0) usable++;
  return usable;
}

/** How many pods have told their queue lately. */
export function toldIn({ columns: { waiting } }: PodTable, { slots, size }: SlotList): number {
  let told = 0;
  for (const slot of slots.subarray(0, size)) if (!Number.isNaN(waiting[slot])) told++;
  return told;
}

/** The shortest queue that one of the usable pods tells; NaN where none does. */
export function leastWaitingIn({ columns, reachable, setAside }: PodTable, { slots, size }: SlotList): number {
  let least = Number.POSITIVE_INFINITY;
  for (const slot of slots.subarray(0, size)) {
    const waiting = columns.waiting[slot] ?? Number.NaN;
    if (reachable[slot] === 1 && setAside[slot] === 0 && waiting < least) least = waiting;
  }
  return Number.isFinite(least) ? least : Number.NaN;
}

export function usablePods(table: PodTable): number {
  return usableIn(table, { slots: table.live, size: table.size });
}
