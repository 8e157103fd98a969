/** AIBrix's normalisation: raw numbers become scores 0..1 in place, by where they stand between the least and the most. */

/** What is no finite number becomes 0: the pod is not scored. Of pods that are all alike each gets 1. */
export function minMax(scores: Float64Array, size: number, best: "least" | "most"): void {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < size; row++) {
    const raw = scores[row] ?? Number.NaN;
    if (!Number.isFinite(raw)) continue;
    if (raw < least) least = raw;
    if (raw > most) most = raw;
  }
  const range = most - least;
  for (let row = 0; row < size; row++) {
    const raw = scores[row] ?? Number.NaN;
    if (!Number.isFinite(raw)) scores[row] = 0;
    else if (range === 0) scores[row] = 1;
    else scores[row] = (best === "least" ? most - raw : raw - least) / range;
  }
}
