/**
 * Sets pods aside that are up but fail their requests, for longer with each relapse.
 *
 *   in ──fails──> aside ──time is up──> trial ──picked──> tried ──success──> in
 *                   ^                     ^                 │
 *                   │                     └──no outcome yet─┤
 *                   └──────────────failure──────────────────┘
 *
 * A pod on trial gets one request at a time: a pod that fails quickly looks idle, and would draw all of them.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import { FailedRequests } from "./failed-requests.ts";

/** This many failures in a row set a pod aside. */
const FAILURES_IN_A_ROW = 3;
/** So do failures of more than half of this many outcomes, or of the latest as far back as it remembers. */
const FEWEST_JUDGED = 10;
const REMEMBERED = 20;
/** A share of outcomes is one of the present: it begins anew after this long without a failure. */
const FORGET_MS = 10_000;
/** Failures in a row mean the same however rare requests are, but not when the pod may be another by now. */
const FORGET_ROW_MS = 300_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** Doublings from the first time to the longest. */
const DOUBLINGS = Math.ceil(Math.log2(LONGEST_MS / FIRST_MS));
/** A pod that fails again within this long after it was let in has relapsed. */
const RELAPSE_MS = 30_000;
/** How long a pod on trial waits for the outcome before the next request goes there. */
const TRIAL_MS = 1_000;

/** What failed: nothing answered at all, or the answer's status. */
export type FailureKind = "connect" | "status";

/** Told of changes, for the log; `letIn` comes when a pod on trial has served a request. */
export interface SetAsideEvents {
  setAside(pod: Pod, forMs: number, why: string): void;
  letIn(pod: Pod): void;
}

export interface PodFailuresParts {
  readonly table: PodTable;
  /** Where the limit holds: of the pods of any pool that answer, no more than half are set aside. */
  pools(): readonly Pick<Pool, "members">[];
  readonly events: SetAsideEvents;
  now(): number;
}

/** What is remembered of a pod since its first failure. */
class Conduct {
  readonly pod: Pod;
  stage: "in" | "aside" | "trial" | "tried" = "in";
  inARow = 0;
  /** Latest outcomes, one bit each, 1 is a failure; how many there are. */
  outcomes = 0;
  remembered = 0;
  lastFailureAtMs = Number.NEGATIVE_INFINITY;
  relapses = 0;
  trialSinceMs = Number.NEGATIVE_INFINITY;
  untilMs = 0;

  constructor(pod: Pod) {
    this.pod = pod;
  }

  note(failure: 0 | 1): void {
    this.inARow = failure === 1 ? this.inARow + 1 : 0;
    this.outcomes = ((this.outcomes << 1) | failure) & ((1 << REMEMBERED) - 1);
    this.remembered = Math.min(this.remembered + 1, REMEMBERED);
  }

  forgetOutcomes(): void {
    this.outcomes = 0;
    this.remembered = 0;
  }

  forgetLongAgo(now: number): void {
    if (now - this.lastFailureAtMs > FORGET_MS) this.forgetOutcomes();
    if (now - this.lastFailureAtMs > FORGET_ROW_MS) this.inARow = 0;
  }
}

export class PodFailures {
  readonly #parts: PodFailuresParts;
  readonly #bySlot: (Conduct | undefined)[] = [];
  /** Those not simply in. */
  readonly #out = new Set<Conduct>();
  readonly #requests: FailedRequests;

  constructor(parts: PodFailuresParts) {
    this.#parts = parts;
    this.#requests = new FailedRequests(() => parts.now());
    parts.table.onLeave(({ slot }) => {
      const conduct = this.#bySlot[slot];
      this.#bySlot[slot] = undefined;
      if (conduct !== undefined) this.#out.delete(conduct);
    });
  }

  /** A request goes to the pod. */
  picked(pod: Pod): void {
    const conduct = this.#of(pod);
    if (conduct?.stage !== "trial" || !this.#hasRoom(pod.slot)) return;
    conduct.stage = "tried";
    conduct.untilMs = this.#parts.now() + TRIAL_MS;
    this.#parts.table.setAside[pod.slot] = 1;
  }

  /**
   * A request picked at `pickedAtMs` failed; on trial, older ones do not count. The fingerprint tells a request from
   * others, 0 where it is unknown: what fails wherever it goes counts for nobody. No request makes a pod refuse.
   */
  failed(pod: Pod, kind: FailureKind, pickedAtMs = Number.POSITIVE_INFINITY, fingerprint = 0): void {
    if (!this.#parts.table.isCurrent(pod.slot, pod.generation)) return;
    if (kind === "status" && this.#requests.failed(fingerprint, pod)) return;
    let conduct = this.#of(pod);
    if (conduct === undefined) {
      conduct = new Conduct(pod);
      this.#bySlot[pod.slot] = conduct;
    }
    if (conduct.stage === "aside") return;
    if (conduct.stage === "in") this.#judge(conduct, kind);
    else if (pickedAtMs >= conduct.trialSinceMs) this.#setAside(conduct, `failed again (${kind})`);
  }

  /** A request picked at `pickedAtMs` got a proper answer; on trial, older ones do not count. */
  succeeded(pod: Pod, pickedAtMs = Number.POSITIVE_INFINITY, fingerprint = 0): void {
    this.#requests.served(fingerprint);
    const conduct = this.#of(pod);
    if (conduct === undefined || conduct.stage === "aside") return;
    if (conduct.stage === "in") conduct.note(0);
    else if (pickedAtMs >= conduct.trialSinceMs) this.#letIn(conduct);
  }

  /** Puts on trial whose time is up, and whoever a shrunken pool cannot spare; called about every 100 ms. */
  tick(): void {
    const now = this.#parts.now();
    for (const conduct of this.#out) {
      if (conduct.stage !== "trial" && now >= conduct.untilMs) this.#try(conduct);
    }
    if (this.#out.size === 0) return;
    // Once per pool, not once per pod: half of thousands may be out.
    for (const pool of this.#parts.pools()) this.#release(pool);
  }

  #try(conduct: Conduct): void {
    if (conduct.stage === "aside") conduct.trialSinceMs = this.#parts.now();
    conduct.stage = "trial";
    this.#parts.table.setAside[conduct.pod.slot] = 0;
  }

  /** Puts members on trial until no more than half of those that answer are set aside. */
  #release({ members }: Pick<Pool, "members">): void {
    const { reachable, setAside } = this.#parts.table;
    let answering = 0;
    let aside = 0;
    for (let i = 0; i < members.size; i++) {
      const slot = members.slots[i] ?? 0;
      if (reachable[slot] !== 1) continue;
      answering++;
      if (setAside[slot] === 1) aside++;
    }
    for (let i = 0; i < members.size && 2 * aside > answering; i++) {
      const slot = members.slots[i] ?? 0;
      const conduct = this.#bySlot[slot];
      if (conduct === undefined || reachable[slot] !== 1 || setAside[slot] !== 1) continue;
      this.#try(conduct);
      aside--;
    }
  }

  #judge(conduct: Conduct, kind: FailureKind): void {
    const now = this.#parts.now();
    conduct.forgetLongAgo(now);
    conduct.lastFailureAtMs = now;
    conduct.note(1);
    const failures = countBits(conduct.outcomes);
    if (conduct.inARow >= FAILURES_IN_A_ROW) {
      this.#setAside(conduct, `${FAILURES_IN_A_ROW} requests in a row failed (${kind})`);
    } else if (conduct.remembered >= FEWEST_JUDGED && 2 * failures > conduct.remembered) {
      this.#setAside(conduct, `${failures} of the last ${conduct.remembered} requests failed (${kind})`);
    }
  }

  /** Where the limit is reached the pod stays, and its next failure asks again. */
  #setAside(conduct: Conduct, why: string): void {
    const { table, events } = this.#parts;
    const { pod } = conduct;
    if (!this.#hasRoom(pod.slot)) return;
    const now = this.#parts.now();
    const relapsed = conduct.stage !== "in" || now - conduct.trialSinceMs < RELAPSE_MS;
    conduct.relapses = relapsed ? Math.min(conduct.relapses + 1, DOUBLINGS) : 0;
    conduct.forgetOutcomes();
    conduct.inARow = 0;
    conduct.stage = "aside";
    const forMs = Math.min(FIRST_MS * 2 ** conduct.relapses, LONGEST_MS);
    conduct.untilMs = now + forMs;
    table.setAside[pod.slot] = 1;
    this.#out.add(conduct);
    events.setAside(pod, forMs, why);
  }

  #letIn(conduct: Conduct): void {
    conduct.stage = "in";
    this.#out.delete(conduct);
    this.#parts.table.setAside[conduct.pod.slot] = 0;
    this.#parts.events.letIn(conduct.pod);
  }

  /** May this one be set aside beside the others that are? Pods that do not answer anyway count neither way. */
  #hasRoom(slot: Slot): boolean {
    const { reachable, setAside } = this.#parts.table;
    for (const { members } of this.#parts.pools()) {
      let answering = 0;
      let aside = 1;
      let isMember = false;
      for (let i = 0; i < members.size; i++) {
        const member = members.slots[i] ?? 0;
        if (member === slot) isMember = true;
        else if (reachable[member] !== 1) continue;
        else if (setAside[member] === 1) aside++;
        answering++;
      }
      if (isMember && 2 * aside > answering) return false;
    }
    return true;
  }

  #of(pod: Pod): Conduct | undefined {
    const conduct = this.#bySlot[pod.slot];
    return conduct?.pod.generation === pod.generation ? conduct : undefined;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}
