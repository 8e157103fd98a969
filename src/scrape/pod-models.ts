/** What one pod says of its models, put together from its list and from the labels of its metrics page. */
import type { ModelEntry, ModelList } from "../pods/served-models.ts";
import type { PageTraits } from "./engine-page.ts";

export class PodModels {
  readonly #tell: (list: ModelList) => void;
  #answer: readonly ModelEntry[] | "untold" | undefined;
  #traits: PageTraits | undefined;
  /** What was told last, as text to compare. */
  #told: string | undefined;

  /** `tell` is called with every change. */
  constructor(tell: (list: ModelList) => void) {
    this.#tell = tell;
  }

  /** The pod's list; "untold": it has none to ask for. */
  answered(answer: readonly ModelEntry[] | "untold"): void {
    this.#answer = answer;
    this.#compose();
  }

  labelled(traits: PageTraits): void {
    this.#traits = traits;
    this.#compose();
  }

  #compose(): void {
    if (this.#answer === undefined) return;
    const kind = this.#answer === "untold" ? "untold" : "listed";
    const listed = this.#answer === "untold" ? [] : this.#answer;
    const known = new Set(listed.map(({ id }) => id));
    const names = new Set(this.#names(kind));
    const entries = [...listed, ...[...names].filter((name) => !known.has(name)).map((id) => ({ id }))];
    // Members beside the id, such as the time of the answer, are no change.
    const told = [kind, ...entries.map(({ id }) => id)].join("\n");
    if (told === this.#told) return;
    this.#told = told;
    this.#tell({ kind, entries });
  }

  /** Beside a list only adapters at work count: one that was unloaded since is rightly missing. */
  #names(kind: ModelList["kind"]): readonly string[] {
    if (this.#traits === undefined) return [];
    const { models, adapters, lora } = this.#traits;
    return kind === "untold" ? [...models, ...adapters] : [...(lora?.running ?? []), ...(lora?.waiting ?? [])];
  }
}
