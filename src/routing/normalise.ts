/**
 * The kernels scorers are made of: a column of readings in, scores 0..1 out, 1 = best.
 * NaN is an unknown reading: it scores the mean of the known rows (0.5 where none is known),
 * so that it never beats the best known pod.
 */

/** (max - value) / (max - min); 1 for everybody when all known readings are equal. */
export function lowerIsBetter(values: Float64Array, size: number, scores: Float64Array): void {
  const max = highest(values, size);
  const range = max - lowest(values, size);
  for (let row = 0; row < size; row++) scores[row] = spread(values[row]!, max, range);
  fillUnknown(size, scores);
}

/** 1 - value, for a share where less is better. */
export function complement(values: Float64Array, size: number, scores: Float64Array): void {
  for (let row = 0; row < size; row++) scores[row] = clamp(1 - values[row]!);
  fillUnknown(size, scores);
}

/** The value itself, for a share where more is better. */
export function share(values: Float64Array, size: number, scores: Float64Array): void {
  for (let row = 0; row < size; row++) scores[row] = clamp(values[row]!);
  fillUnknown(size, scores);
}

/** value / max, for an amount where more is better; 1 for everybody when nobody has any. */
export function higherIsBetter(values: Float64Array, size: number, scores: Float64Array): void {
  let max = 0;
  for (let row = 0; row < size; row++) if (values[row]! > max) max = values[row]!;
  for (let row = 0; row < size; row++) {
    const value = values[row]!;
    scores[row] = max > 0 ? clamp(value / max) : value - value + 1;
  }
  fillUnknown(size, scores);
}

/**
 * Two columns where less is better, each spread over 0..1: `weight` of the first and the rest of the second. A column
 * of which nothing is known counts for nothing; a row that lacks a reading others have is unknown as a whole.
 */
export function bothLower(
  one: Float64Array,
  other: Float64Array,
  weight: number,
  size: number,
  scores: Float64Array,
): void {
  const oneMax = highest(one, size);
  const otherMax = highest(other, size);
  const share = oneMax === Number.NEGATIVE_INFINITY ? 0 : otherMax === Number.NEGATIVE_INFINITY ? 1 : weight;
  const oneRange = oneMax - lowest(one, size);
  const otherRange = otherMax - lowest(other, size);
  for (let row = 0; row < size; row++) {
    const first = share > 0 ? share * spread(one[row]!, oneMax, oneRange) : 0;
    const second = share < 1 ? (1 - share) * spread(other[row]!, otherMax, otherRange) : 0;
    scores[row] = clamp(first + second);
  }
  fillUnknown(size, scores);
}

/** Of the known readings; infinite where there is none. */
export function highest(values: Float64Array, size: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) if (values[row]! > max) max = values[row]!;
  return max;
}

function lowest(values: Float64Array, size: number): number {
  let min = Number.POSITIVE_INFINITY;
  for (let row = 0; row < size; row++) if (values[row]! < min) min = values[row]!;
  return min;
}

/** Keeps NaN, also where everybody gets 1. */
function spread(value: number, max: number, range: number): number {
  return range > 0 ? (max - value) / range : value - value + 1;
}

/** Keeps NaN. */
function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** The last step of a kernel: scores that are NaN become the mean of the others, 0.5 where there are none. */
export function fillUnknown(size: number, scores: Float64Array): void {
  let known = 0;
  let sum = 0;
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if (!Number.isNaN(score)) {
      known++;
      sum += score;
    }
  }
  if (known === size) return;
  const mean = known === 0 ? 0.5 : sum / known;
  for (let row = 0; row < size; row++) {
    if (Number.isNaN(scores[row])) scores[row] = mean;
  }
}
