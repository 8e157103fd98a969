/**
 * Objects of one kind about one pool, from whichever API group has the kind. Where both have it the new one counts
 * alone, as for the Go picker; a cluster without it, or an account without the right, is one without such objects.
 */
import type { ApiProblem } from "./api-problem.ts";
import type { Json, Malformed } from "./kube-json.ts";
import { ListWatch } from "./list-watch.ts";
import { POLICY_VERSION, policyGroups } from "./policy-objects.ts";
import type { WatchParts } from "./source-parts.ts";

export interface PolicyKind<T> {
  readonly plural: string;
  readonly namespace: string;
  /** undefined for an object about another pool. */
  read(object: Json): T | Malformed | undefined;
  /** The objects that count, after every change. */
  told(objects: readonly T[]): void;
  /** They cannot be read, for a reason that is not their absence; what was told before goes on. */
  failed(problem: string): void;
}

/** Where a group lacks the kind it is asked for once in a while only: it may be installed later. */
const LONGEST_WAIT_MS = 60_000;

interface Group<T> {
  readonly watch: ListWatch<T>;
  problem: ApiProblem | undefined;
}

export class PolicyWatch<T> {
  /** Resolves once every group has said something, if only no; also at the end. */
  readonly first: Promise<void>;
  readonly #kind: PolicyKind<T>;
  readonly #groups: readonly Group<T>[];
  #settle: () => void = () => undefined;

  constructor(kind: PolicyKind<T>, parts: WatchParts) {
    this.#kind = kind;
    this.first = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#groups = policyGroups.map((group) => this.#groupOf(group, parts));
  }

  start(): void {
    for (const { watch } of this.#groups) watch.start();
  }

  stop(): void {
    for (const { watch } of this.#groups) watch.stop();
    this.#settle();
  }

  #groupOf(group: string, parts: WatchParts): Group<T> {
    const { plural, namespace, read, failed } = this.#kind;
    const resource = { group, version: POLICY_VERSION, plural, namespace };
    const heard = (problem: ApiProblem | undefined) => {
      made.problem = problem;
      if (problem !== undefined && problem.kind !== "absent") failed(problem.message);
      this.#tell();
    };
    const listener = {
      read,
      synced: () => heard(undefined),
      failed: heard,
      skipped: (problem: string) => parts.skipped(problem),
    };
    const options = { ...parts.options, longestWaitMs: LONGEST_WAIT_MS };
    const made: Group<T> = { watch: new ListWatch<T>(parts.api, resource, listener, options), problem: undefined };
    return made;
  }

  /** A group that hides what it had keeps it while no other has the kind: an API may do so for a moment. */
  #tell(): void {
    if (!this.#groups.every(({ watch, problem }) => watch.items !== undefined || problem !== undefined)) return;
    const having = this.#groups.filter(({ watch }) => watch.items !== undefined);
    const chosen = having.find(({ problem }) => problem?.kind !== "absent") ?? having[0];
    if (chosen !== undefined) this.#kind.told([...(chosen.watch.items?.values() ?? [])]);
    this.#settle();
  }
}
