/**
 * What payers owe for answers that are over, until their next request carries it. A limiter that charges at the request,
 * as Envoy's local one does, then counts what was really spent, one request late. Each picker collects for the answers
 * that it saw: of several the sums are right without a word between them.
 */

/** Payers that are remembered; of more the one that was heard of the longest ago is let off. */
const MOST_PAYERS = 10_000;

/** By the key of the cost. */
export type Dues = ReadonlyMap<string, number>;

export class Accounts {
  readonly #byPayer = new Map<string, Map<string, number>>();

  get payers(): number {
    return this.#byPayer.size;
  }

  owe(payer: string, key: string, amount: number): void {
    if (amount <= 0) return;
    const debts = this.#byPayer.get(payer) ?? new Map<string, number>();
    debts.set(key, (debts.get(key) ?? 0) + amount);
    // Behind all others: who was heard of last is forgotten last.
    this.#byPayer.delete(payer);
    this.#byPayer.set(payer, debts);
    if (this.#byPayer.size <= MOST_PAYERS) return;
    const [oldest = ""] = this.#byPayer.keys();
    this.#byPayer.delete(oldest);
  }

  /** What the next request of a payer carries, at most so much of each key; the rest waits for the one behind it. */
  collect(payer: string, most: number): Dues {
    const debts = this.#byPayer.get(payer);
    const dues = new Map<string, number>();
    if (debts === undefined) return dues;
    for (const [key, amount] of debts) {
      const carried = most > 0 ? Math.min(amount, most) : amount;
      dues.set(key, carried);
      if (carried === amount) debts.delete(key);
      else debts.set(key, amount - carried);
    }
    if (debts.size === 0) this.#byPayer.delete(payer);
    return dues;
  }
}
