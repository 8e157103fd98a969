/** A source of pods together with what Kubernetes says of the requests to its pool; both come and go as one. */
import type { RewriteBook } from "../../rewrite/rewrite-rules.ts";
import type { Objectives } from "../../routing/objectives.ts";
import type { PodSource, SourceEvents } from "../pod-source.ts";
import { readObjective, readRewrite } from "./policy-objects.ts";
import { PolicyWatch } from "./policy-watch.ts";
import type { WatchParts } from "./source-parts.ts";

/** Where what is read is kept. */
export interface PolicyBooks {
  readonly rewrites: RewriteBook;
  readonly objectives: Objectives;
  /** Told once of each. */
  onProblem(problem: string): void;
}

export interface PoolPlace {
  readonly namespace: string;
  /** Of the InferencePool. */
  readonly name: string;
  /** What the pool is called here. */
  readonly pool: string;
}

export class PoolPolicies implements PodSource {
  readonly name: string;
  readonly perishable: boolean;
  readonly #pods: PodSource;
  readonly #watches: readonly PolicyWatch<unknown>[];
  readonly #forget: () => void;

  constructor(pods: PodSource, { namespace, name, pool }: PoolPlace, books: PolicyBooks, parts: WatchParts) {
    this.name = pods.name;
    this.perishable = pods.perishable;
    this.#pods = pods;
    const owner = `${pool} ${namespace}/${name}`;
    const { rewrites, objectives } = books;
    const told = new Set<string>();
    const failed = (problem: string) => {
      if (told.has(problem)) return;
      told.add(problem);
      books.onProblem(problem);
    };
    const rewriteWatch = new PolicyWatch(
      {
        ...{ plural: "inferencemodelrewrites", namespace, failed },
        read: (object) => readRewrite(object, name, pool),
        told: (sources) => rewrites.set(owner, sources),
      },
      parts,
    );
    const objectiveWatch = new PolicyWatch(
      {
        ...{ plural: "inferenceobjectives", namespace, failed },
        read: (object) => readObjective(object, name),
        told: (found) => objectives.set(pool, new Map(found.map((each) => [each.name, each.priority]))),
      },
      parts,
    );
    this.#watches = [rewriteWatch, objectiveWatch];
    this.#forget = () => {
      rewrites.set(owner, []);
      objectives.set(pool, new Map());
    };
  }

  async start(events: SourceEvents): Promise<void> {
    for (const watch of this.#watches) watch.start();
    await Promise.all([this.#pods.start(events), ...this.#watches.map(({ first }) => first)]);
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
    this.#forget();
    this.#pods.stop();
  }
}
