/** The pick of AIBrix's mixes: sums that differ by less than rounding are equal, and equals are drawn by lot. */

const SAME = 1e-9;

export function pickNearlyBest(scores: Float64Array, size: number, random: () => number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) top = Math.max(top, scores[row] ?? Number.NEGATIVE_INFINITY);
  let best = 0;
  let ties = 0;
  for (let row = 0; row < size; row++) {
    if (top - (scores[row] ?? Number.NEGATIVE_INFINITY) < SAME && random() * ++ties < 1) best = row;
  }
  return best;
}
