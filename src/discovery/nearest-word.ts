/** The word that somebody who wrote another one probably meant. */

/** Longer ones are not worth the search. */
const LONGEST = 60;

/** undefined where none is near. */
export function nearestWord(written: string, known: readonly string[]): string | undefined {
  if (written.length > LONGEST) return undefined;
  const farthest = Math.max(2, written.length / 3);
  const near = known
    .map((word) => ({ word, distance: editDistance(written.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, distance }) => distance <= farthest && distance < word.length)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.word;
}

/** Letters to insert, delete or change to get from one word to the other; product of both lengths. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
