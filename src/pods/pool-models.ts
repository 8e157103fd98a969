/**
 * What the pods of one pool say of their models. Brought up to date pod by pod and asked with every pick, so neither
 * costs more than the one pod or the one model it is about: 200 pods may list 1000 adapters each.
 */
import type { Pod, PodTable, Slot } from "./pod-table.ts";
import { baseNames, type ModelEntry, type ModelList } from "./served-models.ts";
import { type SlotList, slotList } from "./slot-list.ts";

/** A pod without a list that names models all the same. */
interface NamingPod {
  readonly slot: Slot;
  readonly bases: readonly string[];
}

/** The pods by what kind of word they gave; made anew after each change, when it is first asked for. */
interface Standing {
  /** How many pods name models. */
  readonly naming: number;
  readonly named: readonly NamingPod[];
  /** Pods without a list and without a name: they may serve anything. */
  readonly nameless: readonly Slot[];
  /** Pods that have not told yet. */
  readonly pending: readonly Slot[];
  /** Who may serve a model that nobody names, beside pods that have not told yet. */
  readonly standIns: SlotList;
  /** Answers given since the change. */
  readonly byModel: Map<string, SlotList>;
}

export class PoolModels {
  readonly #table: PodTable;
  /** The members, and the list of each that the rest was made from. */
  readonly #lists = new Map<Pod, ModelList | undefined>();
  /** Who names the model, in the order of telling; never empty. */
  readonly #byModel = new Map<string, Slot[]>();
  readonly #bases = new WeakMap<ModelList, readonly string[]>();
  #standing: Standing | undefined;
  #entries: readonly ModelEntry[] | undefined;

  constructor(table: PodTable) {
    this.#table = table;
  }

  has(pod: Pod): boolean {
    return this.#lists.has(pod);
  }

  pods(): Iterable<Pod> {
    return this.#lists.keys();
  }

  /** Does some pod name the model? */
  lists(model: string): boolean {
    return this.#byModel.has(model);
  }

  /** Does no pod name any? Then there is nothing to measure a request's model by. */
  get nothingTold(): boolean {
    return this.#byModel.size === 0;
  }

  /** Is there a pod that may serve what nobody names, by all that it has told? */
  get takesAny(): boolean {
    return this.#now().standIns.size > 0;
  }

  /** Is a pod at hand that will tell in a moment? One that takes no connections is not waited for. */
  get tellsSoon(): boolean {
    return this.#now().pending.some((slot) => this.#table.reachable[slot] === 1);
  }

  /** Models that pods name, those told first before the others. */
  names(): Iterable<string> {
    return this.#byModel.keys();
  }

  join(pod: Pod, list: ModelList | undefined): void {
    this.#lists.set(pod, undefined);
    this.tell(pod, list);
  }

  leave(pod: Pod): void {
    this.tell(pod, undefined);
    this.#lists.delete(pod);
  }

  /** The member says this now. */
  tell(pod: Pod, list: ModelList | undefined): void {
    const before = idsOf(this.#lists.get(pod));
    const now = idsOf(list);
    for (const id of before) if (!now.has(id)) this.#withdraw(id, pod.slot);
    for (const id of now) if (!before.has(id)) this.#offer(id, pod.slot);
    this.#lists.set(pod, list);
    this.#standing = undefined;
    this.#entries = undefined;
  }

  /** The pods that may serve a model which some pod names; undefined where none does. */
  serving(model: string): SlotList | undefined {
    const naming = this.#byModel.get(model);
    if (naming === undefined) return undefined;
    const standing = this.#now();
    let answer = standing.byModel.get(model);
    if (answer === undefined) {
      answer = slotList([...naming, ...presumed(model, naming, standing)]);
      standing.byModel.set(model, answer);
    }
    return answer;
  }

  /** The pods that may serve a model which nobody names. */
  standIns(): SlotList {
    const { standIns, pending } = this.#now();
    const coming = pending.filter((slot) => this.#table.reachable[slot] === 1);
    return coming.length === 0 ? standIns : slotList([...(standIns.slots as Iterable<Slot>), ...coming]);
  }

  /** Each model once, as the pod tells it that named it first; the same array until something changes. */
  entries(): readonly ModelEntry[] {
    this.#entries ??= this.#union();
    return this.#entries;
  }

  #union(): ModelEntry[] {
    const first = new Set<Slot | undefined>();
    for (const [slot] of this.#byModel.values()) first.add(slot);
    const found = new Map<string, ModelEntry>();
    for (const [{ slot }, list] of this.#lists) {
      // In a pool of equals one pod is the first to name every model, and nobody else's list is read.
      if (!first.has(slot)) continue;
      for (const entry of list?.entries ?? []) {
        if (this.#byModel.get(entry.id)?.[0] === slot && !found.has(entry.id)) found.set(entry.id, entry);
      }
    }
    return [...found.values()];
  }

  #offer(id: string, slot: Slot): void {
    const slots = this.#byModel.get(id);
    if (slots === undefined) this.#byModel.set(id, [slot]);
    else slots.push(slot);
  }

  #withdraw(id: string, slot: Slot): void {
    const slots = this.#byModel.get(id) ?? [];
    if (slots.length > 1) slots.splice(slots.indexOf(slot), 1);
    else this.#byModel.delete(id);
  }

  #now(): Standing {
    this.#standing ??= this.#sort();
    return this.#standing;
  }

  #sort(): Standing {
    const named: NamingPod[] = [];
    const nameless: Slot[] = [];
    const pending: Slot[] = [];
    let naming = 0;
    for (const [{ slot }, list] of this.#lists) {
      if (list === undefined) pending.push(slot);
      else if (list.kind === "untold" && list.entries.length === 0) nameless.push(slot);
      else if (list.kind !== "silent") naming++;
      if (list?.kind === "untold" && list.entries.length > 0) named.push({ slot, bases: this.#basesOf(list) });
    }
    const standIns = slotList([...nameless, ...this.#unequalled(named)]);
    return { naming, named, nameless, pending, standIns, byModel: new Map() };
  }

  /** Those of whose base models no other pod has a list: such a list would say what else a pod of that model serves. */
  #unequalled(named: readonly NamingPod[]): Slot[] {
    const unlisted = new Set(named.map(({ slot }) => slot));
    const isListed = (base: string) => this.#byModel.get(base)?.some((slot) => !unlisted.has(slot)) ?? false;
    const listed = new Map([...new Set(named.flatMap(({ bases }) => bases))].map((base) => [base, isListed(base)]));
    return named.filter(({ bases }) => !bases.some((base) => listed.get(base))).map(({ slot }) => slot);
  }

  #basesOf(list: ModelList): readonly string[] {
    const known = this.#bases.get(list);
    if (known !== undefined) return known;
    const bases = baseNames(list);
    this.#bases.set(list, bases);
    return bases;
  }
}

/**
 * Who may serve a named model without naming it:
 * - pods that name none
 * - pods without a list, of the same base model as one without a list that names the adapter: its metrics name an
 *   adapter once it is used, so the first pod to serve one would get all its requests
 * - pods that have not told yet, where all that have name the model: the first to tell would carry everything meanwhile
 */
function presumed(model: string, naming: readonly Slot[], standing: Standing): Slot[] {
  const { named, nameless, pending } = standing;
  const isNaming = new Set(naming);
  const adapting = named.filter(({ slot, bases }) => isNaming.has(slot) && !bases.includes(model));
  const adapted = new Set(adapting.flatMap(({ bases }) => bases));
  const equals = named.filter(({ slot, bases }) => !isNaming.has(slot) && bases.some((base) => adapted.has(base)));
  const coming = naming.length === standing.naming ? pending : [];
  return [...nameless, ...equals.map(({ slot }) => slot), ...coming];
}

function idsOf(list: ModelList | undefined): Set<string> {
  return new Set(list?.entries.map(({ id }) => id));
}
