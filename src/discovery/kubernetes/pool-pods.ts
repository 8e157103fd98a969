/**
 * The pods of an InferencePool: finds the pool in the API groups it may be in, and follows its selector and its ports.
 *
 * All groups are watched all the time, so that a pool may move, come late, go and come back. Only the group that has
 * the pool counts for what is told; another one may be absent or refused.
 */
import type { PodSource, SourceEvents } from "../pod-source.ts";
import { type InferencePool, poolGroups } from "./inference-pool.ts";
import { ListWatch } from "./list-watch.ts";
import { endpointsOf, readPod, type ServingPod } from "./pod-object.ts";
import { PoolWatch } from "./pool-watch.ts";
import type { WatchParts } from "./source-parts.ts";
import { ToldPods } from "./told-pods.ts";

export interface PoolPodsConfig {
  readonly namespace: string;
  readonly name: string;
  /** In the order of preference. */
  readonly groups: readonly string[];
  /** Told of the pool when it is found, when it changes and when it goes. */
  onPool?(pool: InferencePool | undefined): void;
}

interface Followed {
  readonly selector: string;
  readonly watch: ListWatch<ServingPod>;
}

export class PoolPods implements PodSource {
  readonly name: string;
  readonly perishable = true;
  readonly #config: PoolPodsConfig;
  readonly #parts: WatchParts;
  readonly #pools: readonly PoolWatch[];
  readonly #told = new ToldPods();
  #chosen: PoolWatch | undefined;
  #pool: InferencePool | undefined;
  #followed: Followed | undefined;
  #wasFound = false;

  constructor(config: PoolPodsConfig, parts: WatchParts) {
    const { namespace, name, groups } = config;
    this.name = `InferencePool ${namespace}/${name}`;
    this.#config = config;
    this.#parts = parts;
    this.#pools = groups.map((group) => {
      const version = Object.entries(poolGroups).find(([known]) => known === group)?.[1] ?? "v1";
      return new PoolWatch({ group, version, namespace, name }, parts, (from) => this.#decide(from));
    });
  }

  start(events: SourceEvents): Promise<void> {
    this.#told.listen(events);
    if (!this.#told.isClosed) for (const pool of this.#pools) pool.start();
    return this.#told.first;
  }

  stop(): void {
    this.#told.close();
    for (const pool of this.#pools) pool.stop();
    this.#unfollow();
  }

  /** Weighs anew what the groups say; called after everything heard from any of them. */
  #decide(from: PoolWatch): void {
    const withPool = this.#pools.filter(({ pool }) => pool !== undefined);
    // A group that is gone keeps its pool only while no other has it: the API may hide a resource for a moment.
    this.#chosen = withPool.find(({ problem }) => problem?.kind !== "absent") ?? withPool[0];
    const pool = this.#chosen?.pool;
    if (JSON.stringify(pool) !== JSON.stringify(this.#pool)) {
      this.#pool = pool;
      this.#config.onPool?.(pool);
    }
    if (pool !== undefined) {
      this.#wasFound = true;
      this.#follow(pool.selector);
    } else if (this.#pools.every(({ answered }) => answered)) {
      this.#unfollow();
      this.#tellNoPool();
      return;
    }
    // News of another group proves nothing about this one.
    this.#tell(from === this.#chosen);
  }

  #follow(selector: string): void {
    if (this.#followed?.selector === selector) return;
    this.#unfollow();
    const { namespace } = this.#config;
    const watch = new ListWatch<ServingPod>(
      this.#parts.api,
      { group: "", version: "v1", plural: "pods", namespace, labelSelector: selector },
      {
        read: readPod,
        synced: () => this.#tell(true),
        failed: (problem) => this.#told.fail(problem.message),
        skipped: (problem) => this.#parts.skipped(problem),
      },
      this.#parts.options,
    );
    this.#followed = { selector, watch };
    watch.start();
  }

  #unfollow(): void {
    this.#followed?.watch.stop();
    this.#followed = undefined;
  }

  /** Pods are told even while the pool cannot be read: what they are ready for does not depend on it. */
  #tell(proven: boolean): void {
    const { malformed, problem, pool, healthy } = this.#chosen ?? {};
    const { watch } = this.#followed ?? {};
    const fault = malformed === undefined ? problem?.message : `${this.name} ${malformed}`;
    if (pool !== undefined && watch?.items !== undefined) {
      const pods = [...watch.items.values()].flatMap((pod) => endpointsOf(pod, pool.ports));
      this.#told.offer(pods, proven && watch.healthy && healthy === true);
    }
    if (fault !== undefined) this.#told.fail(fault);
  }

  #tellNoPool(): void {
    const malformed = this.#pools.find((each) => each.malformed !== undefined)?.malformed;
    const readable = this.#pools.filter(({ problem }) => problem === undefined);
    const problems = this.#pools.flatMap(({ problem }) => problem ?? []);
    // A group that is absent or refused is no hindrance as long as another one tells.
    const hindrance = problems.find(({ kind }) => kind !== "absent" && kind !== "refused");
    if (malformed !== undefined) this.#told.fail(`${this.name} ${malformed}`);
    else if (hindrance !== undefined) this.#told.fail(hindrance.message);
    else if (readable.length > 0 && this.#wasFound) {
      this.#told.offer(
        [],
        readable.every(({ healthy }) => healthy),
      );
    } else if (readable.length > 0) {
      const groups = readable.map(({ group }) => group).join(" or ");
      this.#told.fail(`${this.name} does not exist (group ${groups})`);
    } else {
      const refusal = problems.find(({ kind }) => kind === "refused");
      const missing = this.#pools.map(({ group }) => `no inferencepools.${group}`).join(" and ");
      const absence = `${this.name} does not exist, as the API serves ${missing} (is the custom resource installed?)`;
      this.#told.fail(refusal?.message ?? absence);
    }
  }
}
