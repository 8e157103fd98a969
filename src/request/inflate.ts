/**
 * Inflates request bodies. A small one at once, in a fraction of a millisecond, so that its pick needs no wait. Any other
 * beside the picking thread: zlib works in its own threads, a slice of 64 KiB at a time, and the picking thread only
 * takes the slices over and joins them, in small steps.
 *
 * Order of events, for whoever holds a reply meanwhile:
 *   start()    returns before anything is inflated; the compressed body must stay as it is until the end
 *   done(...)  comes exactly once, in a turn of its own, with the plain body or the reason why there is none
 *   release()  at any time, any number of times: before `done` it cancels, and `done` will not come any more; after
 *              it, it gives the bytes back to the budget, so it is called when the plain body is no longer read
 * There is no timer here: a deadline is the caller's, who releases and picks by load.
 */
import type { BufferBudget } from "./body-buffer.ts";
import { type Coding, type Inflater, inflateBelow, openInflater } from "./inflate-codings.ts";

/**
 * `body_too_large`: the plain body passes the limit. `buffer_full`: no room left in the budget.
 * `coding_broken`: the bytes are not in that coding, end too early or go on behind the end.
 */
export interface InflateFault {
  readonly code: "body_too_large" | "buffer_full" | "coding_broken";
}

export interface InflateOrder {
  /** As `codingsOf` gives them; at least one. */
  readonly codings: readonly Coding[];
  readonly body: Buffer;
  /** Is the body only the head of the message? Then all that can be inflated of it is the result. */
  readonly cut: boolean;
  /** Of plain bytes, and of what each coding but the first was applied to. */
  readonly limitBytes: number;
  /** Shared by all bodies that are held. */
  readonly budget: BufferBudget;
}

/** Bytes joined in one turn. */
const JOIN_BYTES = 512 * 1024;
/** A body is small when neither it nor what becomes of it is larger. */
export const SMALL_BYTES = 128 * 1024;

/**
 * The plain bytes of a small body; undefined where it is not small, not in its coding, or in br: an Inflation says which.
 * Holds no more of them than the smaller of `limitBytes` and a small body.
 */
export function inflateAtOnce({ codings, body, cut, limitBytes }: InflateOrder): Buffer | undefined {
  const below = Math.min(limitBytes, SMALL_BYTES);
  let plain: Buffer | undefined = body;
  for (const coding of codings) {
    if (plain === undefined || plain.length > SMALL_BYTES) return undefined;
    plain = inflateBelow(below, coding, plain, cut);
  }
  return plain;
}

export class Inflation {
  readonly #order: InflateOrder;
  readonly #done: (result: Buffer | InflateFault) => void;
  #inflater: Inflater | undefined;
  #takenBytes = 0;
  /** Has `done` come, or will it never come? */
  #over = false;

  constructor(order: InflateOrder, done: (result: Buffer | InflateFault) => void) {
    this.#order = order;
    this.#done = done;
  }

  start(): void {
    const { body } = this.#order;
    // The body is the holder's, who counts it.
    this.#undo(0, [body], body.length);
  }

  release(): void {
    this.#over = true;
    this.#inflater?.destroy();
    this.#give(this.#takenBytes);
  }

  /** Undoes the codings from `index` on, one after the other: so a bomb inside a bomb meets the limit twice. */
  #undo(index: number, input: Buffer[], inputBytes: number): void {
    const { codings, cut, limitBytes } = this.#order;
    const coding = codings[index];
    if (coding === undefined) {
      this.#join(input, inputBytes);
      return;
    }
    const inflater = openInflater(coding, input[0] ?? Buffer.alloc(0), cut);
    const slices: Buffer[] = [];
    let bytes = 0;
    this.#inflater = inflater;
    inflater.on("data", (slice: Buffer) => {
      bytes += slice.length;
      if (this.#over) return;
      if (bytes > limitBytes) this.#finish({ code: "body_too_large" });
      else if (this.#take(slice.length)) slices.push(slice);
    });
    inflater.on("error", () => this.#finish({ code: "coding_broken" }));
    inflater.on("end", () => {
      // Zlib ignores what stands behind the end, which may be a second frame: half a body would be read as a whole.
      if (inflater.bytesWritten < inputBytes && !cut) this.#finish({ code: "coding_broken" });
      if (this.#over) return;
      if (index > 0) this.#give(inputBytes);
      this.#undo(index + 1, slices, bytes);
    });
    for (const chunk of input) inflater.write(chunk);
    inflater.end();
  }

  /**
   * One piece of memory from many, since bodies are parsed in one piece. It counts in full from here on, and each slice
   * until it is copied, when nothing holds it any more.
   */
  #join(slices: Buffer[], bytes: number): void {
    const [only] = slices;
    if (only !== undefined && slices.length === 1) {
      this.#finish(only);
      return;
    }
    if (!this.#take(bytes)) return;
    const whole = Buffer.allocUnsafeSlow(bytes);
    slices.reverse();
    let at = 0;
    const step = () => {
      if (this.#over) return;
      const stop = at + JOIN_BYTES;
      for (let slice = slices.pop(); slice !== undefined; slice = at < stop ? slices.pop() : undefined) {
        at += slice.copy(whole, at);
        this.#give(slice.length);
      }
      if (slices.length > 0) setImmediate(step);
      else this.#finish(whole);
    };
    step();
  }

  /** Ends the inflation where the budget does not have them. */
  #take(bytes: number): boolean {
    const isTaken = this.#order.budget.take(bytes);
    if (isTaken) this.#takenBytes += bytes;
    else this.#finish({ code: "buffer_full" });
    return isTaken;
  }

  #give(bytes: number): void {
    this.#takenBytes -= bytes;
    this.#order.budget.give(bytes);
  }

  #finish(result: Buffer | InflateFault): void {
    if (this.#over) return;
    this.#over = true;
    this.#inflater?.destroy();
    this.#done(result);
  }
}
