/**
 * The kernels scorers are made of: a column of readings in, scores 0..1 out, 1 = best.
 * NaN is an unknown reading: it scores the mean of the known rows (0.5 where none is known),
 * so that it never beats the best known pod.
 */

/** (max - value) / (max - min); 1 for everybody when all known readings are equal. */
export function lowerIsBetter(values: Float64Array, size: number, scores: Float64Array): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) {
    const value = values[row]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const range = max - min;
  for (let row = 0; row < size; row++) {
    const value = values[row]!;
    scores[row] = range > 0 ? (max - value) / range : value - value + 1;
  }
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

/** Keeps NaN. */
function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function fillUnknown(size: number, scores: Float64Array): void {
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
