/** What one answer tells while its body goes by: the tokens it cost, and when they came. */
import { AnswerCounts } from "./answer-counts.ts";
import type { AnswerForm, Unread } from "./answer-form.ts";
import { EventStream } from "./event-stream.ts";
import type { Usage } from "./usage.ts";
import { UsageScanner } from "./usage-scanner.ts";

/** What is known once the answer is over; times are NaN where they cannot be told. */
export interface AnswerReport {
  readonly usage: Usage;
  /** Why there is no usage; undefined where there is some. */
  readonly unread: Unread | undefined;
  /** From the pick to the first token, and between two tokens. */
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** An event brings about one token; of few events too large a share brings none, or several. */
const FEWEST_OUTPUTS = 8;

export class AnswerReading {
  readonly #form: AnswerForm | Unread;
  /** Does each token travel by itself, so that its time can be told? */
  readonly #streams: boolean;
  readonly #sinceMs: number;
  readonly #counts = new AnswerCounts();
  readonly #scanner: UsageScanner | undefined;
  readonly #events: EventStream | undefined;
  /** When the first and the latest token came. */
  #firstAtMs = Number.NaN;
  #lastAtMs = Number.NaN;
  /** Events with a token so far. */
  #outputs = 0;
  /** Pieces in which such an event came to its end. */
  #outputPieces = 0;
  #goesOn = false;

  /** `sinceMs` is when the pick was made; NaN where that says nothing of the pod that answered. */
  constructor(form: AnswerForm | Unread, streams: boolean, sinceMs: number) {
    this.#form = form;
    this.#streams = streams;
    this.#sinceMs = sinceMs;
    if (form !== "json" && form !== "events") return;
    this.#scanner = new UsageScanner(this.#counts);
    if (form === "events") this.#events = new EventStream(this.#scanner);
  }

  /** The next bytes of the body; they are not kept. */
  add(bytes: Uint8Array, atMs: number): void {
    if (bytes.length === 0) return;
    this.#goesOn = this.hasOutput;
    if (this.#events !== undefined) this.#events.write(bytes);
    else this.#scanner?.write(bytes, 0, bytes.length);
    const { outputs } = this.#counts;
    if (outputs === this.#outputs) return;
    if (!this.hasOutput) this.#firstAtMs = atMs;
    this.#lastAtMs = atMs;
    this.#outputs = outputs;
    this.#outputPieces++;
  }

  /** Has the first token come? What precedes it in some streams, and pings, are none. */
  get hasOutput(): boolean {
    return this.#outputs > 0;
  }

  /**
   * From the pick to the first token. NaN until more has come behind it: a stream in one piece was held back somewhere,
   * and its first token is as late as its last.
   */
  get ttftMs(): number {
    return this.#streams && this.#goesOn ? this.#firstAtMs - this.#sinceMs : Number.NaN;
  }

  /** What the answer has told so far. */
  get usage(): Usage {
    return this.#counts.usage();
  }

  /** `whole` is false where the answer broke off, or we stopped watching. */
  report(whole: boolean): AnswerReport {
    const { usage } = this;
    return { usage, unread: this.#unread(usage, whole), ttftMs: this.ttftMs, tpotMs: this.#tpotMs(usage) };
  }

  #unread({ promptTokens, completionTokens }: Usage, whole: boolean): Unread | undefined {
    if (this.#form !== "json" && this.#form !== "events") return this.#form;
    if (!Number.isNaN(promptTokens) || !Number.isNaN(completionTokens)) return undefined;
    return whole ? "absent" : "cut";
  }

  /** Where several answers share the time, none of them has this pace. */
  #tpotMs({ completionTokens }: Usage): number {
    if (!this.#streams || this.#outputPieces < 2 || this.#counts.several) return Number.NaN;
    const counted = this.#outputs >= FEWEST_OUTPUTS ? this.#outputs : Number.NaN;
    const tokens = Number.isNaN(completionTokens) ? counted : completionTokens;
    return tokens > 1 ? (this.#lastAtMs - this.#firstAtMs) / (tokens - 1) : Number.NaN;
  }
}
