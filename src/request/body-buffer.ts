/** Body chunks held until the pick, under a budget shared by all streams. */

/** Bytes that all streams together may hold. */
export class BufferBudget {
  /** May change at any time; what is held already stays. */
  limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  /** Takes what cannot be refused any more, for as long as the total stays below twice the limit. */
  force(bytes: number): boolean {
    if (this.usedBytes + bytes > 2 * this.limitBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

/** One request's chunks, as views on the messages they came in. */
export class BodyBuffer {
  chunks: Buffer[] = [];
  bytes = 0;
  #reservedBytes = 0;
  readonly #budget: BufferBudget;

  constructor(budget: BufferBudget) {
    this.#budget = budget;
  }

  /** False when the budget is spent: the chunk is kept all the same, the caller must let go of the body soon. */
  add(chunk: Buffer): boolean {
    this.chunks.push(chunk);
    if (!this.#budget.take(chunk.length)) return false;
    this.bytes += chunk.length;
    return true;
  }

  /** Makes room for a body that will come in one piece; "over": it passes the limit, "refused": even twice the limit. */
  reserve(bytes: number): "kept" | "over" | "refused" {
    const kept = this.#budget.take(bytes);
    if (!kept && !this.#budget.force(bytes)) return "refused";
    this.#reservedBytes += bytes;
    return kept ? "kept" : "over";
  }

  /** Is there room for a body of this size, reserved or to be had? */
  covers(bytes: number): boolean {
    return bytes <= this.#reservedBytes || this.reserve(bytes - this.#reservedBytes) === "kept";
  }

  /** The whole body; joined by one copy only if it came in several chunks. */
  contiguous(): Buffer {
    const [only] = this.chunks;
    return only !== undefined && this.chunks.length === 1 ? only : Buffer.concat(this.chunks);
  }

  /** Does it end like a JSON object? Then the rest of the message is probably just its end mark. */
  looksComplete(): boolean {
    const last = this.chunks.findLast((chunk) => chunk.length > 0);
    if (last === undefined) return false;
    let at = last.length - 1;
    while (at > 0 && (last[at] ?? 0) <= 0x20) at--;
    return last[at] === 0x7d;
  }

  release(): void {
    this.#budget.give(this.bytes + this.#reservedBytes);
    this.bytes = this.#reservedBytes = 0;
    this.chunks = [];
  }
}
