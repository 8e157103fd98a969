/**
 * A source that looks again and again: publishes what a look finds, confirms where it finds the same, and keeps what
 * it had where a look fails. The life of every source that is not told of changes.
 */
import type { PodSpec } from "../pods/pod-table.ts";
import type { PodSource, SourceEvents } from "./pod-source.ts";

/** What a look found, and when to look again. */
export interface Sight {
  readonly pods: readonly PodSpec[];
  readonly againMs: number;
}

export interface LookParts {
  readonly name: string;
  /** Rejects where it cannot tell; the signal says that nobody waits any more. */
  look(signal: AbortSignal): Promise<Sight>;
  /** From a failed look to the next. */
  readonly retryMs: number;
  /** A look that takes longer is told as a failure; it is still waited for, and no second one is begun beside it. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 10_000;

export class RepeatedLook implements PodSource {
  readonly name: string;
  readonly perishable = true;
  readonly #parts: LookParts;
  readonly #stop = new AbortController();
  /** Settles at the first word to the listener, or at the end. */
  readonly #begun = Promise.withResolvers<void>();
  #events: SourceEvents | undefined;
  /** What was published last, as one text. */
  #published: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #impatience: NodeJS.Timeout | undefined;
  #looking = false;
  #onceMore = false;

  constructor(parts: LookParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  start(events: SourceEvents): Promise<void> {
    this.#events = events;
    this.lookNow();
    return this.#begun.promise;
  }

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#impatience);
    this.#begun.resolve();
  }

  /** Without waiting for the time; a look under way may have missed what gave rise to this, and is repeated. */
  lookNow(): void {
    if (this.#events === undefined || this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    if (this.#looking) this.#onceMore = true;
    else void this.#look();
  }

  async #look(): Promise<void> {
    const { look, retryMs, patienceMs = PATIENCE_MS } = this.#parts;
    const { signal } = this.#stop;
    this.#looking = true;
    const tooLate = () => this.#fail(`no answer within ${patienceMs / 1000} s`);
    this.#impatience = setTimeout(tooLate, patienceMs).unref();
    let waitMs = retryMs;
    try {
      const { pods, againMs } = await look(signal);
      this.#see(pods);
      waitMs = againMs;
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    clearTimeout(this.#impatience);
    this.#looking = false;
    if (signal.aborted) return;
    this.#timer = setTimeout(() => this.lookNow(), this.#onceMore ? 0 : waitMs).unref();
    this.#onceMore = false;
  }

  #see(found: readonly PodSpec[]): void {
    if (this.#stop.signal.aborted) return;
    const pods = oncePerAddress(found);
    const text = textOf(pods);
    if (text === this.#published) this.#events?.confirm();
    else this.#events?.publish(pods);
    this.#published = text;
    this.#begun.resolve();
  }

  #fail(problem: string): void {
    if (this.#stop.signal.aborted) return;
    this.#events?.fail(problem);
    this.#begun.resolve();
  }
}

function oncePerAddress(pods: readonly PodSpec[]): PodSpec[] {
  const byAddress = new Map<string, PodSpec>();
  for (const pod of pods) if (!byAddress.has(pod.address)) byAddress.set(pod.address, pod);
  return [...byAddress.values()];
}

/** Equal for equal sets; the order in which pods and labels are told is no part of a set. */
function textOf(pods: readonly PodSpec[]): string {
  const lines = pods.map(({ address, name, uid, pool, labels = {} }) =>
    JSON.stringify([address, name, uid, pool, Object.entries(labels).sort()]),
  );
  return lines.sort().join("\n");
}
