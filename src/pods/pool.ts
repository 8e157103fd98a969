/**
 * A pool: the pods that serve one set of requests, as lists of slots. Pods are kept in the table alone, so that what is
 * known of a pod is the same in every pool it belongs to.
 */
import type { Pod, PodTable, Slot } from "./pod-table.ts";
import { PoolModels } from "./pool-models.ts";
import type { ModelEntry, ServedModels } from "./served-models.ts";
import { noSlots, type SlotList, slotList } from "./slot-list.ts";

export type { SlotList } from "./slot-list.ts";

export interface PoolSettings {
  /** What becomes of a request for a model that no pod of the pool serves. */
  readonly unknownModel: "refuse" | "refuse-as-aibrix" | "pass";
  /** Who answers GET /v1/models. */
  readonly listModels: "answer" | "pass";
  /** Name of the profile that its requests are routed by. */
  readonly profile: string;
}

export const DEFAULT_PROFILE = "default";

export const defaultPoolSettings: PoolSettings = Object.freeze({
  unknownModel: "refuse",
  listModels: "answer",
  profile: DEFAULT_PROFILE,
});

/** Pools know this of the process they are in. */
export interface PoolParts {
  readonly table: PodTable;
  readonly models: ServedModels;
}

export class Pool {
  readonly name: string;
  /** Replaced as a whole where the configuration changes. */
  settings: PoolSettings;
  readonly #parts: PoolParts;
  readonly #models: PoolModels;
  #members: SlotList = noSlots;

  constructor(name: string, settings: PoolSettings, parts: PoolParts) {
    this.name = name;
    this.settings = settings;
    this.#parts = parts;
    this.#models = new PoolModels(parts.table);
  }

  get members(): SlotList {
    return this.#members;
  }

  has(pod: Pod): boolean {
    return this.#models.has(pod);
  }

  /** Called with every change of the set of pods, before anybody asks for a pick. */
  assign(pods: readonly Pod[]): void {
    const { models } = this.#parts;
    const wanted = new Set(pods);
    // Who has left goes first: another pod may have the slot already.
    for (const pod of [...this.#models.pods()]) if (!wanted.has(pod)) this.#models.leave(pod);
    for (const pod of wanted) if (!this.#models.has(pod)) this.#models.join(pod, models.of(pod));
    this.#members = slotList(pods.map(({ slot }) => slot));
  }

  /** The pod's list of models is another; a pod that is no member is passed over. */
  heard(pod: Pod): void {
    if (this.#models.has(pod)) this.#models.tell(pod, this.#parts.models.of(pod));
  }

  /** The pods that a request for this model may go to; undefined where the model is known not to be served here. */
  serving(model: string): SlotList | undefined {
    if (model === "") return this.#members;
    const known = this.#models.serving(model);
    if (known !== undefined) return known;
    const standIns = this.#models.standIns();
    if (standIns.size > 0) return standIns;
    // Where nobody has told anything, nobody can say what is not served: trying beats refusing.
    return this.#models.nothingTold ? this.#members : undefined;
  }

  /** Does some pod say that it serves the model? */
  lists(model: string): boolean {
    return this.#models.lists(model);
  }

  /** May it serve a model that none of its pods names, by all that they have told? */
  get takesAny(): boolean {
    return this.#models.takesAny;
  }

  /** Are there pods of which it cannot be said yet what they serve? Then what is unknown here may be known in a moment. */
  get tellsSoon(): boolean {
    return this.#members.size > 0 && (this.#models.nothingTold || this.#models.tellsSoon);
  }

  /** The models that its pods name, each once. */
  modelNames(): Iterable<string> {
    return this.#models.names();
  }

  /** The same with all that is told of them, as it is told by the pod that named each first; the same array until one changes. */
  entries(): readonly ModelEntry[] {
    return this.#models.entries();
  }

  /** Those of the members in `among` alone. */
  entriesOf({ slots, size }: SlotList): ModelEntry[] {
    const found = new Map<string, ModelEntry>();
    for (const slot of slots.subarray(0, size)) {
      const pod = this.#parts.table.podAt(slot as Slot);
      const list = pod && this.#parts.models.of(pod);
      for (const entry of list?.entries ?? []) if (!found.has(entry.id)) found.set(entry.id, entry);
    }
    return [...found.values()];
  }
}
