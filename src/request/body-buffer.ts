/** Body chunks held until the pick, under a budget shared by all streams. */

/** Bytes that all streams together may hold. */
export class BufferBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false;
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
    this.#budget.give(this.bytes);
    this.bytes = 0;
    this.chunks = [];
  }
}
