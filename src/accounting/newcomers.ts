/**
 * Lets pods that join a working pool in step by step: an empty pod looks best to every scorer, and would be flooded
 * before anything is known of it.
 *
 * `admission` is the probability that a newcomer takes part in a pick. It rises over ten seconds, and is cut where the
 * newcomer wins more than its due of the picks it takes part in, so that its share of the picks rises towards its due
 * whether they are made at random or always fall on the emptiest pod. The more newcomers there are beside the settled
 * pods, the less any of this holds; once they are as many, nobody else could carry the load, and they are settled too.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";

const RAMP_MS = 10_000;
const FIRST_ADMISSION = 0.25;
/** Picks are forgotten with this time constant. */
const MEMORY_MS = 4_000;
/** At first a newcomer is taken for one that wins everything: by this many picks. */
const PRESUMED_WINS = 1;
/** Too few picks to judge by. */
const NOISE = 0.4;

type Members = Pick<Pool, "members">;

export interface NewcomersParts {
  readonly table: PodTable;
  /** Picks of the slot's present tenant so far. */
  picks(slot: Slot): number;
  now(): number;
}

interface Newcomer {
  readonly pod: Pod;
  readonly pools: Set<Members>;
  readonly sinceMs: number;
  /** 0..1: how far there are too few settled pods to spare it. */
  ease: number;
  /** Lately, of the picks it took part in: those it won, and those an even split would have given it. */
  won: number;
  due: number;
  picks: number;
}

/** What a pool with newcomers looks like. */
interface Watched {
  picks: number;
  /** Picks that newcomers have not learnt from yet. */
  fresh: number;
  settled: number;
  joining: number;
}

export class Newcomers {
  readonly #parts: NewcomersParts;
  readonly #bySlot = new Map<Slot, Newcomer>();
  readonly #pools = new Map<Members, Watched>();
  #tickedAtMs = 0;

  constructor(parts: NewcomersParts) {
    this.#parts = parts;
    parts.table.onLeave(({ slot }) => this.#bySlot.delete(slot));
  }

  /** These pods have just become members of the pool; one that joins several pools is told of for each. */
  joined(pool: Members, pods: readonly Pod[]): void {
    const now = this.#parts.now();
    if (this.#bySlot.size === 0) this.#tickedAtMs = now;
    for (const pod of pods) this.#obtain(pod, now).pools.add(pool);
    for (const watched of [...this.#pools.keys(), pool]) this.#watch(watched);
    for (const pod of pods) this.#admit(this.#obtain(pod, now), now);
  }

  /** Called about every 100 ms. */
  tick(): void {
    if (this.#bySlot.size === 0) return;
    const now = this.#parts.now();
    const kept = Math.exp((this.#tickedAtMs - now) / MEMORY_MS);
    this.#tickedAtMs = now;
    for (const pool of this.#pools.keys()) this.#watch(pool);
    for (const newcomer of this.#bySlot.values()) this.#learn(newcomer, kept);
    for (const watched of this.#pools.values()) watched.fresh = 0;
    for (const newcomer of this.#bySlot.values()) {
      this.#admit(newcomer, now);
      if (newcomer.ease === 1 || now - newcomer.sinceMs >= RAMP_MS) this.#settle(newcomer);
    }
    if (this.#bySlot.size === 0) this.#pools.clear();
  }

  #obtain(pod: Pod, now: number): Newcomer {
    let newcomer = this.#bySlot.get(pod.slot);
    if (newcomer === undefined) {
      newcomer = { pod, pools: new Set(), sinceMs: now, ease: 0, won: PRESUMED_WINS, due: 0, picks: 0 };
      this.#bySlot.set(pod.slot, newcomer);
    }
    return newcomer;
  }

  #watch(pool: Members): void {
    const { table } = this.#parts;
    const before = this.#pools.get(pool);
    const watched: Watched = { picks: 0, fresh: 0, settled: 0, joining: 0 };
    for (let i = 0; i < pool.members.size; i++) {
      const slot = pool.members.slots[i] as Slot;
      watched.picks += this.#parts.picks(slot);
      if (table.reachable[slot] !== 1 || table.setAside[slot] === 1) continue;
      if (this.#bySlot.has(slot)) watched.joining++;
      else watched.settled++;
    }
    if (before !== undefined) watched.fresh = before.fresh + Math.max(0, watched.picks - before.picks);
    this.#pools.set(pool, watched);
  }

  #learn(newcomer: Newcomer, kept: number): void {
    const { slot } = newcomer.pod;
    const picks = this.#parts.picks(slot);
    let due = 0;
    for (const pool of newcomer.pools) {
      const watched = this.#pools.get(pool);
      if (watched !== undefined) due += watched.fresh / Math.max(1, watched.settled + watched.joining);
    }
    newcomer.due = newcomer.due * kept + due * (this.#parts.table.admission[slot] ?? 1);
    newcomer.won = newcomer.won * kept + picks - newcomer.picks;
    newcomer.picks = picks;
  }

  /** Ease only grows: whoever once had to help goes on helping. */
  #admit(newcomer: Newcomer, now: number): void {
    for (const pool of newcomer.pools) {
      const { settled, joining } = this.#pools.get(pool) ?? { settled: 0, joining: 1 };
      const share = settled === 0 ? 1 : joining / settled;
      newcomer.ease = Math.max(newcomer.ease, Math.min(1, share ** 2));
    }
    const { ease, won, due } = newcomer;
    const risen = FIRST_ADMISSION + (1 - FIRST_ADMISSION) * Math.min(1, (now - newcomer.sinceMs) / RAMP_MS);
    const cut = Math.min(1, (due + NOISE) / (won + NOISE));
    this.#parts.table.admission[newcomer.pod.slot] = ease + (1 - ease) * risen * cut;
  }

  #settle(newcomer: Newcomer): void {
    this.#parts.table.admission[newcomer.pod.slot] = 1;
    this.#bySlot.delete(newcomer.pod.slot);
  }
}
