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
  /** Why nobody was left after the last `narrow` that returned 0. */
  refusal: ErrorCode = "no_pod_left";

  constructor(table: PodTable, uses: readonly FilterUse[], models: PodKnowledge["models"]) {
    this.#table = table;
    this.headers = uses.flatMap(({ filter }) => filter.headers ?? []);
    this.#steps = uses.map(({ filter, options }) => {
      const settled = withDefaults(filter.options, options);
      const ask = filter.build(settled, { columns: table.columns, models });
      return { ground: filter.ground, whenNoneIsLeft: filter.whenNoneIsLeft(settled), ask };
    });
  }

  /** Once per request, before `narrow`. */
  begin(request: InferenceRequest, hints: RouteHints): void {
    this.#asked.length = 0;
    for (const step of this.#steps) {
      const keep = step.ask(request, hints);
      if (keep !== undefined) this.#asked.push({ step, keep });
    }
  }

  /** Packs the slots that stay to the front of slots[0..size-1]; returns how many, 0 for a refusal. */
  narrow(ground: FilterGround, slots: Int32Array, size: number): number {
    let left = size;
    for (const { step, keep } of this.#asked) {
      if (step.ground !== ground || left === 0) continue;
      const kept = this.#pack(slots, left, keep);
      if (kept > 0) left = kept;
      else if (step.whenNoneIsLeft !== "all stay") {
        this.refusal = step.whenNoneIsLeft;
        left = 0;
      }
      // Else all stay, where they were: nothing is moved before the first that is kept.
    }
    return left;
  }

  #pack(slots: Int32Array, size: number, keep: Keep): number {
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const slot = (slots[i] ?? 0) as Slot;
      const pod = this.#table.podAt(slot);
      if (pod !== undefined && keep(pod)) slots[kept++] = slot;
    }
    return kept;
  }
}
