/** A token that is fetched beforehand and renewed well before it expires; the last good one is used until it does. */
import { CredentialMissing } from "./credential.ts";

export interface Fetched<T> {
  readonly token: T;
  readonly expiresAtMs: number;
}

/** Why there is no new token. `message` has nothing of any secret, and there is no cause that might. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

export interface TokenClock {
  now(): number;
  set(run: () => void, delayMs: number): unknown;
  clear(timer: unknown): void;
}

export interface FreshTokenParts<T> {
  /** Rejects with TokenRefused; given up when the signal says so. */
  fetch(signal: AbortSignal): Promise<Fetched<T>>;
  renewed(): void;
  failed(why: string): void;
  readonly clock?: TokenClock;
  /** 0..1 */
  readonly random?: () => number;
}

const PATIENCE_MS = 10_000;
/** Of what is left of its life when it comes: early enough for many tries, and replicas do not come all at once. */
const RENEWED_AFTER = { least: 0.6, most: 0.8 };
const RETRY_MS = { first: 1_000, most: 60_000 };
/** No token is so short-lived that it would have to be fetched without pause. */
const PAUSE_MS = 1_000;
/** Timers have an end far beyond this, after which they fire at once. */
const LONGEST_MS = 12 * 3_600_000;

const systemClock: TokenClock = {
  now: () => Date.now(),
  set: (run, delayMs) => setTimeout(run, delayMs).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export class FreshToken<T> {
  readonly #parts: FreshTokenParts<T>;
  readonly #clock: TokenClock;
  readonly #random: () => number;
  readonly #first = Promise.withResolvers<void>();
  /** Resolves when the first token has come, or was refused. */
  readonly first: Promise<void> = this.#first.promise;
  #held: Fetched<T> | undefined;
  #fetching: AbortController | undefined;
  #onceMore = false;
  #failures = 0;
  #timer: unknown;
  #closed = false;

  constructor(parts: FreshTokenParts<T>) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
  }

  /** At first, and whenever what it is got by has changed; a fetch under way may have had the old, and is repeated. */
  renewNow(): void {
    if (this.#closed) return;
    this.#clock.clear(this.#timer);
    if (this.#fetching === undefined) void this.#renew();
    else this.#onceMore = true;
  }

  /** Throws CredentialMissing where there is none that is still good. */
  get value(): T {
    if (this.#held === undefined) throw new CredentialMissing("no token has been had");
    if (this.#clock.now() >= this.#held.expiresAtMs) throw new CredentialMissing("the token has expired");
    return this.#held.token;
  }

  close(): void {
    this.#closed = true;
    this.#clock.clear(this.#timer);
    this.#fetching?.abort();
    this.#first.resolve();
  }

  async #renew(): Promise<void> {
    const fetching = new AbortController();
    this.#fetching = fetching;
    const patience = this.#clock.set(() => fetching.abort(), PATIENCE_MS);
    const waitMs = await this.#fetch(fetching.signal);
    this.#clock.clear(patience);
    this.#fetching = undefined;
    if (this.#closed) return;
    this.#timer = this.#clock.set(() => this.renewNow(), this.#onceMore ? 0 : waitMs);
    this.#onceMore = false;
    this.#first.resolve();
  }

  /** Returns how long to wait until the next. */
  async #fetch(signal: AbortSignal): Promise<number> {
    try {
      const fetched = await this.#parts.fetch(signal);
      const lifeMs = fetched.expiresAtMs - this.#clock.now();
      if (!(lifeMs > 0)) throw new TokenRefused("the token that came has expired already");
      if (this.#closed) return 0;
      this.#held = fetched;
      this.#failures = 0;
      this.#parts.renewed();
      const { least, most } = RENEWED_AFTER;
      return Math.min(Math.max(lifeMs * (least + (most - least) * this.#random()), PAUSE_MS), LONGEST_MS);
    } catch (error) {
      if (this.#closed) return 0;
      this.#parts.failed(this.#why(error, signal));
      const waitMs = Math.min(RETRY_MS.first * 2 ** this.#failures++, RETRY_MS.most);
      return waitMs * (0.5 + 0.5 * this.#random());
    }
  }

  /** Only words of ours: what else is thrown may quote the request or the answer. */
  #why(error: unknown, signal: AbortSignal): string {
    if (signal.aborted) return `no token came within ${PATIENCE_MS / 1000} s`;
    return error instanceof TokenRefused ? error.message : "no token could be had";
  }
}
