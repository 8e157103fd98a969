/** How much of something makes it worth a verdict: one measure for lines, counters and the picker's pages. */
import type { Sighting } from "./probe.ts";

/** From this share of the requests on it is a fault. */
export const WORTH = 1 / 20;
/** Below it, what went away by itself is not worth a word. */
export const SMALL = 1 / 100;
/** So many in a row are the present state, and fewer in a long log are strays. */
export const FEW = 3;
/** Counters know no time: below this share what they tell of may be years old. */
const SMALL_OF_COUNTS = 1 / 1000;

/** Of a counter, and of all that could have been counted there; 0 of all is not known. */
export function weightOfCount(count: number, all: number, worth = WORTH): Sighting["weight"] {
  if (all > 0 && count < SMALL_OF_COUNTS * all) return "past";
  return count >= worth * all ? "fault" : "risk";
}

/** At most a risk: what stands to be wrong whether or not a request met it yet, or what no request tells of. */
export function atMostRisk(weight: Sighting["weight"]): "risk" | "past" {
  return weight === "past" ? "past" : "risk";
}
