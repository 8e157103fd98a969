/** A port that keeps the last reply of an answer back until it is known what goes out with it. */
import type { StreamPort } from "./stream-host.ts";

export class LastReplyPort implements StreamPort {
  readonly #port: StreamPort;
  #isLast = false;
  #kept: Buffer | undefined;

  constructor(port: StreamPort) {
    this.#port = port;
  }

  /** From here to `finish` the replies to the answer's last message come. */
  awaitTail(): void {
    this.#isLast = true;
  }

  send(reply: Buffer): void {
    if (!this.#isLast) {
      this.#port.send(reply);
      return;
    }
    if (this.#kept !== undefined) this.#port.send(this.#kept);
    this.#kept = reply;
  }

  /** `tail` are encoded fields of a ProcessingResponse, empty for none: a message may be followed by more of its fields. */
  finish(tail: Buffer): void {
    const kept = this.#kept;
    this.#kept = undefined;
    this.#isLast = false;
    if (kept !== undefined) this.#port.send(tail.length === 0 ? kept : Buffer.concat([kept, tail]));
  }

  end(code: number, details: string): void {
    this.#port.end(code, details);
  }

  peer(): string {
    return this.#port.peer();
  }
}
