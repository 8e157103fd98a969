/** A source of pods that one list-watch feeds. */
import type { PodSpec } from "../../pods/pod-table.ts";
import type { PodSource, SourceEvents } from "../pod-source.ts";
import type { ApiProblem, Resource } from "./api-problem.ts";
import type { Json, Malformed } from "./kube-json.ts";
import { ListWatch } from "./list-watch.ts";
import type { WatchParts } from "./source-parts.ts";
import { ToldPods } from "./told-pods.ts";

export interface WatchedObjects<T> {
  readonly resource: Resource;
  read(object: Json): T | Malformed | undefined;
  /** A text when the objects cannot be turned into pods. */
  podsOf(objects: Iterable<T>): readonly PodSpec[] | string;
}

export class WatchedPods<T> implements PodSource {
  readonly name: string;
  readonly perishable = true;
  readonly #objects: WatchedObjects<T>;
  readonly #parts: WatchParts;
  readonly #told = new ToldPods();
  #watch: ListWatch<T> | undefined;

  constructor(name: string, objects: WatchedObjects<T>, parts: WatchParts) {
    this.name = name;
    this.#objects = objects;
    this.#parts = parts;
  }

  start(events: SourceEvents): Promise<void> {
    const told = this.#told;
    if (told.isClosed) return told.first;
    told.listen(events);
    const { resource, read, podsOf } = this.#objects;
    const watch = new ListWatch<T>(
      this.#parts.api,
      resource,
      {
        read,
        synced: () => {
          const pods = podsOf(watch.items?.values() ?? []);
          if (typeof pods === "string") told.fail(`${this.name} ${pods}`);
          else told.offer(pods, watch.healthy);
        },
        failed: (problem: ApiProblem) => told.fail(problem.message),
        skipped: (problem) => this.#parts.skipped(problem),
      },
      this.#parts.options,
    );
    this.#watch = watch;
    watch.start();
    return told.first;
  }

  stop(): void {
    this.#told.close();
    this.#watch?.stop();
  }
}
