/** The one end of a demo, whoever asks for it first: a signal, a key, the parent's death or something that broke. */

export interface End {
  readonly exitCode: number;
  /** What to tell the user; empty where they asked for the end themselves. */
  readonly words: string;
}

export class Ending {
  /** Aborts with the end: requests under way and waiting users stop. */
  readonly signal: AbortSignal;
  readonly reached: Promise<End>;
  readonly #controller = new AbortController();
  #resolve: ((end: End) => void) | undefined;

  constructor() {
    this.signal = this.#controller.signal;
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The first call counts. */
  end(exitCode: number, words = ""): void {
    this.#resolve?.({ exitCode, words });
    this.#controller.abort();
  }
}
