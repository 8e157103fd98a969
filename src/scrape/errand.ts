/** The two things a pod is asked for: where, how often, and how much rarer while it fails. */
import type { PodConnection } from "./pod-connection.ts";
import type { ScrapeOptions } from "./scrape-options.ts";

export interface Errand {
  /** "" asks nothing: it only knocks at the door. */
  readonly path: string;
  readonly accept: string;
  readonly intervalMs: number;
  readonly connection: PodConnection;
  nextAtMs: number;
  failures: number;
}

/** Pods drift apart by up to this share of an interval, so that scrapes do not come in bursts. */
const JITTER = 0.1;
/** A failing pod is asked every 1, 2, then 4 intervals; no rarer, so that a pod that comes back is seen soon. */
const BACK_OFF_DOUBLINGS = 2;
/** A bare connect costs a pod next to nothing, but fills the log of some. */
const SHORTEST_KNOCK_MS = 1000;

export function pageErrand({ path, intervalMs }: ScrapeOptions, connection: PodConnection, nextAtMs: number): Errand {
  return { path, intervalMs, accept: "text/plain;version=0.0.4", connection, nextAtMs, failures: 0 };
}

export function modelsErrand(options: ScrapeOptions, connection: PodConnection, nextAtMs: number): Errand {
  const { modelsPath: path, modelsIntervalMs, intervalMs } = options;
  const ownMs = path === "" ? Math.max(intervalMs, SHORTEST_KNOCK_MS) : modelsIntervalMs;
  return { path, intervalMs: ownMs, accept: "application/json", connection, nextAtMs, failures: 0 };
}

/** From one begin to the next, after so many failures in a row; `chance` is uniform in 0..1. */
export function pauseMs(intervalMs: number, failures: number, chance: number): number {
  const backOff = 2 ** Math.min(Math.max(failures - 1, 0), BACK_OFF_DOUBLINGS);
  return intervalMs * backOff * (1 - JITTER + 2 * JITTER * chance);
}
