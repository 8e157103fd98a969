/** Choosing a row from scores, or from a column: every pick is a function of its arguments and of `random` in [0, 1). */

/** The best row; ties are broken evenly by reservoir sampling. */
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

export function pickAny(size: number, random: () => number): number {
  return Math.floor(random() * size);
}

/**
 * Each row with a probability in proportion to its score; any row where all score 0. The row with the largest
 * U^(1/score) wins (Efraimidis and Spirakis, A-Res); compared by logarithms, which very small scores do not underflow.
 */
export function pickWeighted(scores: Float64Array, size: number, random: () => number): number {
  let best = -1;
  let top = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if (!(score > 0)) continue;
    // 1 - U is never 0, so the key is finite.
    const key = Math.log(1 - random()) / score;
    if (key > top) {
      best = row;
      top = key;
    }
  }
  return best === -1 ? pickAny(size, random) : best;
}

/** The better one of two different rows drawn at random; of equals the one drawn first. */
export function pickOfTwo(scores: Float64Array, size: number, random: () => number): number {
  const one = pickAny(size, random);
  if (size < 2) return one;
  const step = 1 + pickAny(size - 1, random);
  const other = (one + step) % size;
  return scores[other]! > scores[one]! ? other : one;
}

/** Any of the `count` best rows with the same probability; rows equal to the last of them share its chance. */
export function pickOfTop(scores: Float64Array, size: number, count: number, random: () => number): number {
  const wanted = Math.min(count, size);
  let bound = Number.POSITIVE_INFINITY;
  let above = 0;
  let atBound = 0;
  // Downwards from value to value, until so many rows are at least as good.
  while (above + atBound < wanted) {
    above += atBound;
    bound = highestBelow(scores, size, bound);
    atBound = 0;
    for (let row = 0; row < size; row++) if (scores[row] === bound) atBound++;
  }
  const isAbove = random() * wanted < above;
  let turn = pickAny(isAbove ? above : atBound, random);
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if ((isAbove ? score > bound : score === bound) && turn-- === 0) return row;
  }
  return 0;
}

function highestBelow(scores: Float64Array, size: number, bound: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if (score < bound && score > highest) highest = score;
  }
  return highest;
}
