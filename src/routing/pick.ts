/** Choosing a row from scores. */

/** The best row; ties are broken evenly by reservoir sampling. `random` is in [0, 1). */
export function pickBest(scores: Float64Array, size: number, random: () => number): number {
  let best = 0;
  let ties = 1;
  for (let row = 1; row < size; row++) {
    const score = scores[row]!;
    const top = scores[best]!;
    if (score > top) {
      best = row;
      ties = 1;
    } else if (score === top && random() * ++ties < 1) best = row;
  }
  return best;
}

/** The row with the smallest value; ties are broken evenly. */
export function pickLeast(values: Float64Array, size: number, random: () => number): number {
  let best = 0;
  let ties = 1;
  for (let row = 1; row < size; row++) {
    const value = values[row]!;
    const least = values[best]!;
    if (value < least) {
      best = row;
      ties = 1;
    } else if (value === least && random() * ++ties < 1) best = row;
  }
  return best;
}
