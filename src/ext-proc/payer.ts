/** Who pays for a request, where a header says: what they owe goes out with the reply that lets the request go on. */
import type { Accounts, Dues } from "../costs/accounts.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { structField, structNumber, structValue } from "./metadata-fields.ts";
import { codeDetails } from "./read-metadata.ts";
import type { StreamHost } from "./stream-host.ts";

/** Beside `pointsman`, which holds what the request was: of two entries of one name only the last would count. */
const DUE_NAMESPACE = "pointsman.due";

const TOO_MANY_REQUESTS = 429;
/** Envoy's words for what its limiters refuse; no word where the filter does not ask for it. */
const byLimiter: readonly string[] = ["", "request_rate_limited", "local_rate_limited"];

export class Payer {
  readonly #accounts: Accounts;
  readonly #name: string;
  readonly #most: number;
  #carried: Dues | undefined;

  constructor(accounts: Accounts, name: string, most: number) {
    this.#accounts = accounts;
    this.#name = name;
    this.#most = most;
  }

  owe(key: string, amount: number): void {
    this.#accounts.owe(this.#name, key, amount);
  }

  /** What is due, as an entry of a reply's dynamic metadata; once for a request. */
  charge(): Buffer | undefined {
    if (this.#carried !== undefined) return undefined;
    this.#carried = this.#accounts.collect(this.#name, this.#most);
    // A limiter refuses a request that costs it nothing, and lets pass uncharged what tells it no number.
    if (this.#carried.size === 0) return undefined;
    const due = [...this.#carried].map(([key, amount]) => structField(key, structNumber(amount)));
    return structField(DUE_NAMESPACE, structValue(due));
  }

  /** A limiter that refuses a request takes nothing of what it carries: it stays due. */
  heed(answer: StreamMessage): void {
    if (answer.status === TOO_MANY_REQUESTS && byLimiter.includes(codeDetails(answer))) this.takeBack();
  }

  /** The request goes no further: what it carries stays due. */
  takeBack(): void {
    for (const [key, amount] of this.#carried ?? []) this.owe(key, amount);
    this.#carried = undefined;
  }
}

/** `name` where it is known, else the headers say it; undefined where nobody is asked to pay. */
export function payerOf(said: StreamMessage | string, { settings, accounts, costs }: StreamHost): Payer | undefined {
  const { payerHeader, payerMost } = settings;
  if (payerHeader === undefined || costs.length === 0) return undefined;
  return new Payer(accounts, typeof said === "string" ? said : headerValue(said, payerHeader), payerMost);
}
