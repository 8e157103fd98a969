/**
 * AIBrix's prefix-cache where it decides alone: the pod with the longest match that is not far busier than the others,
 * and where there is none the one with the fewest requests. Every pod that is as good as the chosen one gets 1.
 */
import { defineScorer } from "../../scorer.ts";

/** The defaults are those of AIBrix's manifests; its code has 8 and 1. */
export const prefixDefaults = {
  imbalance: {
    default: 16,
    min: 0,
    integer: true,
    help: "requests that the busiest pod may have more than the idlest; above it only the idlest pods may match",
  },
  deviations: { default: 2, min: 0, help: "standard deviations above the mean that a pod with a match may be busy" },
} as const;

export const prefixChoice = defineScorer({
  name: "prefix-cache",
  summary: "Longest match among pods that are not far busier than the others; else fewest requests in flight.",
  leaning: "affinity",
  reads: ["prefixHit", "inFlight"],
  options: prefixDefaults,
  build:
    ({ imbalance, deviations }) =>
    ({ size, prefixHit, inFlight }, scores) => {
      const { least, most, limit } = loadOf(inFlight, size, deviations);
      const highest = most - least > imbalance ? least : limit;
      const best = bestMatch(prefixHit, inFlight, size, highest);
      for (let row = 0; row < size; row++) {
        const isBest =
          best === -1
            ? inFlight[row] === least
            : percentOf(prefixHit[row]) === percentOf(prefixHit[best]) && inFlight[row] === inFlight[best];
        scores[row] = isBest ? 1 : 0;
      }
    },
});

/** The least and the most any pod has, and what a pod with a match may have. */
function loadOf(inFlight: Float64Array, size: number, deviations: number) {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < size; row++) {
    const load = inFlight[row] ?? 0;
    if (load < least) least = load;
    if (load > most) most = load;
    sum += load;
    squares += load * load;
  }
  const mean = sum / size;
  // Rounding may leave a hair below 0 where all are alike.
  const deviation = Math.sqrt(Math.max(0, squares / size - mean * mean));
  return { least, most, limit: mean + deviations * deviation };
}

/** The row with the longest match, of these the least busy; -1 where no pod that may match has any. */
function bestMatch(prefixHit: Float64Array, inFlight: Float64Array, size: number, highest: number): number {
  let best = -1;
  for (let row = 0; row < size; row++) {
    const percent = percentOf(prefixHit[row]);
    const load = inFlight[row] ?? 0;
    if (percent === 0 || load > highest) continue;
    const bestPercent = best === -1 ? 0 : percentOf(prefixHit[best]);
    if (percent > bestPercent || (percent === bestPercent && load < (inFlight[best] ?? 0))) best = row;
  }
  return best;
}

/** Whole percents, as AIBrix compares them, but never 0 where anything matches; unknown is no match. */
function percentOf(hit: number | undefined): number {
  if (hit === undefined || !(hit > 0)) return 0;
  // A hair of rounding must not cost a percent.
  return Math.max(1, Math.floor(hit * 100 + 1e-9));
}
