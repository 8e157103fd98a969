/** The most recent decisions, in a ring, for the admin port. No prompt and no header is kept. */
import { randomBytes } from "node:crypto";
import { DecisionRing, type Entry } from "../explain/decision-ring.ts";
import type { Explanation } from "../explain/explanation.ts";
import { readDecision } from "../explain/read-decision.ts";
import { PodTable } from "../pods/pod-table.ts";
import type { Decision, Picked } from "../routing/decision.ts";
import type { Trail } from "../routing/router.ts";

/** What became of the latest picks at one pod. */
export interface PodPicks {
  readonly recentPicks: number;
  /** null where no scorer asks what is cached. */
  readonly prefixHit: number | null;
}

export interface TraceParts {
  readonly table: PodTable;
  /** The clock that pages are read by. */
  readonly now: () => number;
}

const ID = /^([0-9a-f]+)-(\d{1,15})$/;

export class DecisionTrace {
  /** Where the numbers are. */
  readonly ring: DecisionRing;
  readonly #size: number;
  readonly #now: () => number;
  /** Keeps the ids of one process from those of the next. */
  readonly #process = randomBytes(3).toString("hex");
  /** Of decisions in observability mode: the address that served instead. */
  readonly #served = new WeakMap<Picked, string>();
  /** Decisions made before it was known whether they would stand, by the number of their entry. */
  readonly #provisional = new WeakMap<Decision, number>();
  #hasProvisional = false;

  constructor(size: number, { table, now }: TraceParts = { table: new PodTable(), now: () => 0 }) {
    this.#size = size;
    this.#now = now;
    this.ring = new DecisionRing(table, size);
  }

  /** Call it in the tick of the decision, where there is a trail. Returns its id, as a number for `idOf`. */
  add(atMs: number, decision: Decision, elapsedMs: number, shadow: boolean, trail?: Trail): number {
    const number = this.#numberOf(decision) ?? this.ring.add(decision, trail, atMs, this.#now());
    const entry = this.ring.entry(number);
    if (entry === undefined) return number;
    entry.elapsedMs = elapsedMs;
    entry.shadow = shadow;
    return number;
  }

  /** It is told of again, with `add`, if it stands. */
  foresee(atMs: number, decision: Decision, trail: Trail): void {
    this.#provisional.set(decision, this.ring.add(decision, trail, atMs, this.#now()));
    this.#hasProvisional = true;
  }

  idOf(number: number): string {
    return `${this.#process}-${number}`;
  }

  /** undefined for one that is not kept, or that another process made. */
  explanation(id: string): Explanation | undefined {
    const [, process, number] = ID.exec(id) ?? [];
    const entry = process === this.#process ? this.ring.entry(Number(number)) : undefined;
    return entry && readDecision(this.ring, entry, id);
  }

  /** The pick was none, and this address served. */
  served(decision: Picked, address: string): void {
    this.#served.set(decision, address);
  }

  /** Of the kept picks, by the pod's address: how many it got, and the mean share of a prompt it was believed to hold. */
  picksByPod(): Map<string, PodPicks> {
    const byPod = new Map<string, { picks: number; known: number; hits: number }>();
    for (const { decision, shadow } of this.#told()) {
      if (shadow || decision?.kind !== "picked") continue;
      const { pod, predictedHit } = decision;
      const sums = byPod.get(pod.address) ?? { picks: 0, known: 0, hits: 0 };
      byPod.set(pod.address, sums);
      sums.picks++;
      if (Number.isNaN(predictedHit)) continue;
      sums.known++;
      sums.hits += predictedHit;
    }
    const shareOf = ({ known, hits }: { known: number; hits: number }) => (known === 0 ? null : hits / known);
    return new Map(
      [...byPod].map(([address, sums]) => [address, { recentPicks: sums.picks, prefixHit: shareOf(sums) }]),
    );
  }

  /** Newest first. */
  latest(limit = this.#size): object[] {
    return [...this.#told()].slice(0, limit).map((entry) => this.#short(entry));
  }

  *#told(): Generator<Entry> {
    for (const entry of this.ring.latest()) if (!Number.isNaN(entry.elapsedMs)) yield entry;
  }

  #short({ number, atMs, decision, elapsedMs, shadow, pool, model }: Entry): object {
    const common = { id: this.idOf(number), at: new Date(atMs).toISOString(), pool, model };
    const times = { milliseconds: Math.round(elapsedMs * 1000) / 1000, shadow };
    if (decision?.kind !== "picked") {
      return { ...common, pod: null, address: null, reason: decision?.code, refused: true, score: null, ...times };
    }
    const { pod, reason, strategy, score, rewrite, priority } = decision;
    return {
      ...common,
      ...{ pod: pod.name, address: pod.address, reason, score },
      ...(strategy !== undefined && { strategy }),
      ...(rewrite !== undefined && { target: rewrite.target, rewrite: rewrite.outcome }),
      ...(priority !== undefined && { priority }),
      ...times,
      ...(this.#served.has(decision) && { served: this.#served.get(decision) }),
    };
  }

  #numberOf(decision: Decision): number | undefined {
    return this.#hasProvisional ? this.#provisional.get(decision) : undefined;
  }
}
