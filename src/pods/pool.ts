/**
 * A pool: the pods that serve one set of requests, as lists of slots. Pods are kept in the table alone, so that what is
 * known of a pod is the same in every pool it belongs to.
 */
import type { Pod, PodTable, Slot } from "./pod-table.ts";
import type { ModelEntry, ServedModels } from "./served-models.ts";

/** Slots 0..size-1 of `slots`; replaced as a whole, never written in place. */
export interface SlotList {
  readonly slots: Int32Array;
  readonly size: number;
}

const noSlots: SlotList = Object.freeze({ slots: new Int32Array(0), size: 0 });

export interface PoolSettings {
  /** What becomes of a request for a model that no pod of the pool serves. */
  readonly unknownModel: "refuse" | "refuse-as-aibrix" | "pass";
  /** Who answers GET /v1/models. */
  readonly listModels: "answer" | "pass";
}

export const defaultPoolSettings: PoolSettings = Object.freeze({ unknownModel: "refuse", listModels: "answer" });

/** Pools know this of the process they are in. */
export interface PoolParts {
  readonly table: PodTable;
  readonly models: ServedModels;
}

/** The pool's pods by what they say of their models. */
interface Serving {
  readonly byModel: ReadonlyMap<string, SlotList>;
  /** Pods that do not tell what they serve: for any model no other pod is known to serve alone. */
  readonly untold: SlotList;
  /** Pods not asked yet; they count while nobody else serves the model. */
  readonly pending: SlotList;
}

export class Pool {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly #parts: PoolParts;
  #members: SlotList = noSlots;
  #serving: Serving | undefined;
  /** The version of the models that `#serving` was made from. */
  #madeFrom = -1;

  constructor(name: string, settings: PoolSettings, parts: PoolParts) {
    this.name = name;
    this.settings = settings;
    this.#parts = parts;
  }

  get members(): SlotList {
    return this.#members;
  }

  has(pod: Pod): boolean {
    return this.#members.slots.includes(pod.slot);
  }

  /** Called with every change of the set of pods, before anybody asks for a pick. */
  assign(pods: readonly Pod[]): void {
    this.#members = slotList(pods.map(({ slot }) => slot));
    this.#serving = undefined;
  }

  /** The pods that a request for this model may go to; undefined where the model is known not to be served here. */
  serving(model: string): SlotList | undefined {
    if (model === "") return this.#members;
    const { byModel, untold, pending } = this.#current();
    const known = byModel.get(model);
    if (known !== undefined) return known;
    if (untold.size > 0) return untold;
    return pending.size > 0 || this.#members.size === 0 ? pending : undefined;
  }

  /** Does some pod say that it serves the model? */
  lists(model: string): boolean {
    return this.#current().byModel.has(model);
  }

  /** The models of the members in `among`, each once, those of the first pods first. */
  entries(among: SlotList = this.#members): ModelEntry[] {
    const found = new Map<string, ModelEntry>();
    for (const pod of this.#podsOf(among)) {
      for (const entry of this.#parts.models.of(pod)?.entries ?? [])
        if (!found.has(entry.id)) found.set(entry.id, entry);
    }
    return [...found.values()];
  }

  #current(): Serving {
    const { version } = this.#parts.models;
    if (this.#serving === undefined || this.#madeFrom !== version) {
      this.#serving = this.#make();
      this.#madeFrom = version;
    }
    return this.#serving;
  }

  #make(): Serving {
    const byModel = new Map<string, Slot[]>();
    const untold: Slot[] = [];
    const pending: Slot[] = [];
    for (const pod of this.#podsOf(this.#members)) {
      const list = this.#parts.models.of(pod);
      if (list === undefined) pending.push(pod.slot);
      if (list?.kind === "untold") untold.push(pod.slot);
      for (const { id } of list?.entries ?? []) {
        const slots = byModel.get(id);
        if (slots === undefined) byModel.set(id, [pod.slot]);
        else slots.push(pod.slot);
      }
    }
    const lists = [...byModel].map(([id, slots]) => [id, slotList([...new Set([...slots, ...untold])])] as const);
    return { byModel: new Map(lists), untold: slotList(untold), pending: slotList(pending) };
  }

  #podsOf({ slots, size }: SlotList): Pod[] {
    const pods = Array.from(slots.subarray(0, size), (slot) => this.#parts.table.podAt(slot as Slot));
    return pods.filter((pod) => pod !== undefined);
  }
}

function slotList(slots: readonly Slot[]): SlotList {
  return { slots: Int32Array.from(slots), size: slots.length };
}
