/** Rows of the doctor's catalogue that this test file has seen, by what made them: test/doctor/shown-rows.ts is held to it. */

/**
 * `run`: an Envoy, a picker or a pod that runs left the line that proves it. `server`: objects that a real API server took,
 * with the status that a controller would write. `files`: all of the evidence is of our own writing.
 */
export type Origin = "run" | "server" | "files";

const seen: Readonly<Record<Origin, Set<number>>> = { run: new Set(), server: new Set(), files: new Set() };

export function noteRows(origin: Origin, rows: readonly number[]): void {
  for (const row of rows) seen[origin].add(row);
}

export function rowsSeen(origin: Origin): ReadonlySet<number> {
  return seen[origin];
}
