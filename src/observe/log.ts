/** Logging: pino set up once, a child per component, and a brake for lines that could come by the thousand. */
import pino, { type Logger } from "pino";

export type { Logger };

/** By -v: the Go picker's verbosity numbers. */
const levels = ["error", "warn", "info", "info", "debug", "trace"] as const;

export function createLogger(verbosity: number): Logger {
  return pino({ level: levelOf(verbosity), base: {}, timestamp: pino.stdTimeFunctions.isoTime });
}

export function levelOf(verbosity: number): string {
  return levels[verbosity] ?? "info";
}

/** Says a thing once per key for the whole life of the process. */
export class Once {
  readonly #said = new Set<string>();

  do(key: string, say: () => void): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    say();
  }
}

const LINES_PER_WINDOW = 20;
const WINDOW_MS = 1000;

/** Lets some lines a second through and counts the rest, which the next line that passes reports. */
export class Brake {
  readonly #now: () => number;
  #windowEndsMs = 0;
  #lines = 0;
  #dropped = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `say` gets how many lines were dropped since the last one. */
  do(say: (dropped: number) => void): void {
    const now = this.#now();
    if (now >= this.#windowEndsMs) {
      this.#windowEndsMs = now + WINDOW_MS;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_PER_WINDOW) {
      this.#dropped++;
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    say(dropped);
  }
}
