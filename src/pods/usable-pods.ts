/** How many pods a pick would rather take than not: those that answer and are not set aside. */
import type { PodTable } from "./pod-table.ts";
import type { SlotList } from "./pool.ts";

export function usableIn({ reachable, setAside }: PodTable, { slots, size }: SlotList): number {
  let usable = 0;
  for (const slot of slots.subarray(0, size)) if (reachable[slot] === 1 && setAside[slot] === 0) usable++;
  return usable;
}

export function usablePods(table: PodTable): number {
  return usableIn(table, { slots: table.live, size: table.size });
}
