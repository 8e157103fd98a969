/** Filters compiled once: narrows a list of slots in place, filter by filter. */
import type { ErrorCode } from "../errors.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { RouteHints } from "./choose-pool.ts";
import type { Filter, FilterGround, Keep, PodKnowledge, WhenNoneIsLeft } from "./filter.ts";
import { type OptionValues, withDefaults } from "./option-values.ts";

/** One configured filter and the options the user set. */
export interface FilterUse {
  readonly filter: Filter;
  readonly options?: OptionValues;
}

interface Step {
  readonly name: string;
  readonly ground: FilterGround;
  readonly whenNoneIsLeft: WhenNoneIsLeft;
  readonly ask: (request: InferenceRequest, hints: RouteHints) => Keep | undefined;
}

/** What a filter asks of the pods for the request at hand. */
interface Asked {
  readonly step: Step;
  readonly keep: Keep;
}

export class FilterChain {
  /** The request's headers that the filters read. */
  readonly headers: readonly string[];
  readonly #table: PodTable;
  readonly #steps: readonly Step[];
  readonly #asked: Asked[] = [];
  #hasDropped = false;
  /** By slot: 1 + the number of the filter that dropped it from the request at hand, 0 for none. */
  #droppedBy = new Uint8Array(0);
  /** Why nobody was left after the last `narrow` that returned 0. */
  refusal: ErrorCode = "no_pod_left";

  constructor(table: PodTable, uses: readonly FilterUse[], models: PodKnowledge["models"]) {
    this.#table = table;
    this.headers = uses.flatMap(({ filter }) => filter.headers ?? []);
    this.#steps = uses.map(({ filter, options }) => {
      const settled = withDefaults(filter.options, options);
      const ask = filter.build(settled, { columns: table.columns, models });
      return { name: filter.name, ground: filter.ground, whenNoneIsLeft: filter.whenNoneIsLeft(settled), ask };
    });
  }

  /** Once per request, before `narrow`. */
  begin(request: InferenceRequest, hints: RouteHints): void {
    this.#asked.length = 0;
    this.#forget();
    for (const step of this.#steps) {
      const keep = step.ask(request, hints);
      if (keep !== undefined) this.#asked.push({ step, keep });
    }
  }

  /** Packs the slots that stay to the front of slots[0..size-1]; returns how many, 0 for a refusal. */
  narrow(ground: FilterGround, slots: Int32Array, size: number): number {
    let left = size;
    let number = 0;
    for (const { step, keep } of this.#asked) {
      number++;
      if (step.ground !== ground || left === 0) continue;
      const kept = this.#pack(slots, left, keep, number);
      if (kept > 0) left = kept;
      else if (step.whenNoneIsLeft !== "all stay") {
        this.refusal = step.whenNoneIsLeft;
        left = 0;
      } else this.#unmark(slots, left);
      // Else all stay, where they were: nothing is moved before the first that is kept.
    }
    return left;
  }

  /** The filter that dropped the slot from the candidates of the last request; undefined where none did. */
  dropperOf(slot: Slot): string | undefined {
    return this.#asked[(this.#droppedBy[slot] ?? 0) - 1]?.step.name;
  }

  #forget(): void {
    const { capacity } = this.#table;
    if (this.#droppedBy.length < capacity) this.#droppedBy = new Uint8Array(capacity);
    else if (this.#hasDropped) this.#droppedBy.fill(0);
    this.#hasDropped = false;
  }

  #unmark(slots: Int32Array, size: number): void {
    for (let i = 0; i < size; i++) this.#droppedBy[slots[i] ?? 0] = 0;
  }

  #pack(slots: Int32Array, size: number, keep: Keep, number: number): number {
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const slot = (slots[i] ?? 0) as Slot;
      const pod = this.#table.podAt(slot);
      if (pod !== undefined && keep(pod)) slots[kept++] = slot;
      else this.#droppedBy[slot] = number;
    }
    if (kept < size) this.#hasDropped = true;
    return kept;
  }
}
