/**
 * Gives the model in an answer the name that the client asked by, while the answer goes by in pieces cut anywhere. At
 * most a name is held back, from its first byte until it has come whole; all other bytes stay as and where they are.
 */
import type { AnswerForm } from "../response/answer-form.ts";
import { EventStream } from "../response/event-stream.ts";
import { ModelFinder, type NameListener } from "./model-finder.ts";
import { jsonText } from "./splice-body.ts";

/** How the answer to a renamed request reaches the client: the label of a metric. */
export const nameBacks = {
  restored: "with the name that the client asked by",
  absent: "without a name at a known place",
  hidden: "with the target's name: the filter showed nothing of its body, or it did not come",
  encoded: "with the target's name: a compressed answer is left alone",
  other_form: "as it is: neither JSON nor an event stream",
} as const;

export type NameBack = keyof typeof nameBacks;

/** Bytes that one UTF-16 unit takes at most, as an escape. */
const LONGEST_UNIT = 6;
const NOTHING = Buffer.alloc(0);
const BACKSLASH = "\\";

export class AnswerNames implements NameListener {
  readonly #target: string;
  readonly #targetBytes: Buffer;
  readonly #name: Buffer;
  readonly #longest: number;
  readonly #feed: (bytes: Uint8Array) => void;
  #chunk: Buffer = NOTHING;
  #pieces: Buffer[] = [];
  /** So much of the chunk is in the pieces, or replaced there. */
  #copied = 0;
  /** Is this a name that may be the one? */
  #isOpen = false;
  /** Where it begins in the chunk. */
  #from = 0;
  /** What of it came before the chunk. */
  #held: Buffer = NOTHING;
  /** Has a name been replaced? */
  replaced = false;

  /** `target` is the name at the pod, `name` the one of the client. */
  constructor(target: string, name: string, form: AnswerForm) {
    this.#target = target;
    this.#targetBytes = Buffer.from(target);
    this.#name = Buffer.from(jsonText(name));
    this.#longest = LONGEST_UNIT * target.length;
    const finder = new ModelFinder(this);
    const events = form === "events" ? new EventStream(finder) : undefined;
    this.#feed = (bytes) => (events === undefined ? finder.write(bytes, 0, bytes.length) : events.write(bytes));
  }

  /** What is to go on now, in order; the chunk itself, alone, where nothing is changed. */
  write(chunk: Buffer): readonly Buffer[] {
    this.#chunk = chunk;
    this.#pieces = [];
    this.#copied = this.#from = 0;
    this.#feed(chunk);
    if (this.#isOpen) this.#hold();
    this.#copyUpTo(chunk.length);
    this.#chunk = NOTHING;
    return this.#pieces;
  }

  /** What is held back: the answer is over, in the middle of a name. */
  end(): readonly Buffer[] {
    const held = this.#held;
    this.#letGo();
    return held.length === 0 ? [] : [held];
  }

  nameStarts(at: number): void {
    this.#isOpen = true;
    this.#from = at;
  }

  nameEnds(at: number): void {
    if (!this.#isOpen) return;
    if (!this.#isTarget(this.#withHeld(at))) {
      this.nameBroken();
      return;
    }
    this.#letGo();
    this.#copyUpTo(this.#from);
    this.#pieces.push(this.#name);
    this.#copied = at;
    this.replaced = true;
  }

  nameBroken(): void {
    if (this.#held.length > 0) this.#pieces.push(this.#held);
    this.#letGo();
  }

  #hold(): void {
    const { length } = this.#chunk;
    // Longer than the target can be spelt: it is another name.
    if (this.#held.length + length - this.#from > this.#longest) {
      this.nameBroken();
      return;
    }
    this.#copyUpTo(this.#from);
    // A copy: the chunk is a view on the message it came in.
    this.#held = Buffer.concat([this.#held, this.#chunk.subarray(this.#from)]);
    this.#copied = length;
  }

  #withHeld(end: number): Buffer {
    const here = this.#chunk.subarray(this.#from, end);
    return this.#held.length === 0 ? here : Buffer.concat([this.#held, here]);
  }

  #isTarget(spelt: Buffer): boolean {
    if (spelt.equals(this.#targetBytes)) return true;
    if (spelt.length > this.#longest || !spelt.includes(BACKSLASH)) return false;
    try {
      return JSON.parse(`"${spelt.toString()}"`) === this.#target;
    } catch {
      return false;
    }
  }

  #copyUpTo(end: number): void {
    if (end === this.#copied) return;
    const isWhole = this.#copied === 0 && end === this.#chunk.length;
    this.#pieces.push(isWhole ? this.#chunk : this.#chunk.subarray(this.#copied, end));
    this.#copied = end;
  }

  #letGo(): void {
    this.#isOpen = false;
    this.#held = NOTHING;
  }
}
