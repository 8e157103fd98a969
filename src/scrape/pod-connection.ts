/** The one connection to an origin of a pod, opened when needed, and what its end means. */
import type { Dispatcher } from "undici";

export class PodConnection {
  readonly #open: () => Dispatcher;
  readonly #onDrop: () => void;
  #client: Dispatcher | undefined;
  /** Answers that came over the present connection. */
  #answers = 0;
  #connectTimeouts = 0;

  /** `onDrop`: a connection that was kept over several answers has ended while idle or in use. */
  constructor(open: () => Dispatcher, onDrop: () => void) {
    this.#open = open;
    this.#onDrop = onDrop;
  }

  /** Has it carried an answer before? */
  get used(): boolean {
    return this.#answers > 0;
  }

  /** May throw: authorities that cannot be read. */
  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client ??= this.#opened();
    this.#client.dispatch(options, handler);
  }

  /** The request sent last is over; `ended`: the pod answered in full. */
  settled(ended: boolean): void {
    this.#answers = ended ? this.#answers + 1 : 0;
    if (ended) this.#connectTimeouts = 0;
  }

  /** The request sent last ran out of time; gives how many in a row, this one counted, did not even get a connection. */
  gaveUp(connected: boolean): number {
    this.#connectTimeouts = connected ? 0 : this.#connectTimeouts + 1;
    this.close().catch(() => undefined);
    return this.#connectTimeouts;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#answers = 0;
    await client?.destroy();
  }

  #opened(): Dispatcher {
    const client = this.#open();
    client.on("disconnect", () => {
      if (client === this.#client) this.#disconnected();
    });
    return client;
  }

  /** A pod that dies drops its idle connection. One that closes after every answer is no news. */
  #disconnected(): void {
    const kept = this.#answers > 1;
    this.#answers = 0;
    if (kept) this.#onDrop();
  }
}
