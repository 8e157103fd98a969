/** The body of one request until its pick is out: its chunks, and the wait for its plain bytes where it is compressed. */
import { BodyBuffer } from "../request/body-buffer.ts";
import type { NoBody } from "../request/body-form.ts";
import { type InflateOrder, Inflation, inflateAtOnce } from "../request/inflate.ts";
import type { Deadlines, Held } from "./deadlines.ts";
import type { StreamHost } from "./stream-host.ts";

export class HeldBody extends BodyBuffer {
  readonly #host: StreamHost;
  #inflating: Inflating | undefined;

  constructor(host: StreamHost) {
    super(host.budget);
    this.#host = host;
  }

  /**
   * The plain bytes of this body, or why there are none. Undefined where they take time: then `told` is called with the
   * same, by `dueAtMs` at last, unless `release` comes first; the bytes last until then. Without `dueAtMs` all that
   * takes time is too late.
   */
  plain(order: PlainOrder, dueAtMs: number | undefined, told: Told): Buffer | NoBody | undefined {
    if (order.codings.length === 0) return order.body;
    const { settings, budget, deadlines } = this.#host;
    const complete = { ...order, limitBytes: settings.bodyLimitBytes, budget };
    const plain = inflateAtOnce(complete);
    if (plain !== undefined) return plain;
    if (dueAtMs === undefined) return "inflate_late";
    // Of several chunks `body` is a copy, which the inflation holds beside them.
    if (this.chunks.length > 1 && this.reserve(order.body.length) !== "kept") return "buffer_full";
    this.#inflating = new Inflating(complete, dueAtMs, deadlines, told);
    return undefined;
  }

  /** Stops waiting: what has come cannot. */
  giveUp(): void {
    this.#inflating?.onDue();
  }

  override release(): void {
    this.#inflating?.release();
    this.#inflating = undefined;
    super.release();
  }
}

type PlainOrder = Pick<InflateOrder, "codings" | "body" | "cut">;
type Told = (plain: Buffer | NoBody) => void;

/** An inflation with a deadline. */
class Inflating implements Held {
  readonly dueAtMs: number;
  readonly #deadlines: Deadlines;
  readonly #inflation: Inflation;
  readonly #told: Told;

  constructor(order: InflateOrder, dueAtMs: number, deadlines: Deadlines, told: Told) {
    this.dueAtMs = dueAtMs;
    this.#deadlines = deadlines;
    this.#told = told;
    this.#inflation = new Inflation(order, (result) => {
      deadlines.delete(this);
      told(Buffer.isBuffer(result) ? result : result.code);
    });
    deadlines.add(this);
    this.#inflation.start();
  }

  onDue(): void {
    this.release();
    this.#told("inflate_late");
  }

  release(): void {
    this.#deadlines.delete(this);
    this.#inflation.release();
  }
}
