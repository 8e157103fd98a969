/** Some slots of the table, in one piece. */
import type { Slot } from "./pod-table.ts";

/** Slots 0..size-1 of `slots`; replaced as a whole, never written in place. */
export interface SlotList {
  readonly slots: Int32Array;
  readonly size: number;
}

export const noSlots: SlotList = Object.freeze({ slots: new Int32Array(0), size: 0 });

export function slotList(slots: readonly Slot[]): SlotList {
  return slots.length === 0 ? noSlots : { slots: Int32Array.from(slots), size: slots.length };
}
