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

/**
 * Any of the `count` best rows with the same probability; rows equal to the last of them share its chance. A score that
 * is no number counts as the lowest, so that the search ends whatever the scores are.
 */
export function pickOfTop(scores: Float64Array, size: number, count: number, random: () => number): number {
  const wanted = Math.min(count, size);
  let bound = Number.POSITIVE_INFINITY;
  let above = 0;
  let atBound = countAt(scores, size, bound);
  // Downwards from value to value, until so many rows are at least as good.
  while (above + atBound < wanted) {
    above += atBound;
    bound = highestBelow(scores, size, bound);
    atBound = countAt(scores, size, bound);
  }
  const isAbove = random() * wanted < above;
  let turn = pickAny(isAbove ? above : atBound, random);
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if ((isAbove ? score > bound : isAt(score, bound)) && turn-- === 0) return row;
  }
  return 0;
}

function countAt(scores: Float64Array, size: number, bound: number): number {
  let count = 0;
  for (let row = 0; row < size; row++) if (isAt(scores[row]!, bound)) count++;
  return count;
}

function isAt(score: number, bound: number): boolean {
  return score === bound || (bound === Number.NEGATIVE_INFINITY && Number.isNaN(score));
}

function highestBelow(scores: Float64Array, size: number, bound: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if (score < bound && score > highest) highest = score;
  }
  return highest;
}

/** The best row of those that are not among taken[0..count-1]; ties are broken evenly. -1 where all are. */
export function pickNextBest(
  scores: Float64Array,
  size: number,
  taken: Int32Array,
  count: number,
  random: () => number,
): number {
  let best = -1;
  let ties = 1;
  for (let row = 0; row < size; row++) {
    if (isTaken(row, taken, count)) continue;
    const score = scores[row]!;
    if (best === -1 || score > scores[best]!) {
      best = row;
      ties = 1;
    } else if (score === scores[best] && random() * ++ties < 1) best = row;
  }
  return best;
}

function isTaken(row: number, taken: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (taken[i] === row) return true;
  return false;
}
