/** What one pod says of its models, put together from its list and from the labels of its metrics page. */
import type { ModelEntry, ModelList } from "../pods/served-models.ts";
import { LONGEST_MODEL } from "../request/inference-request.ts";
import type { PageTraits } from "./engine-page.ts";

export class PodModels {
  readonly #tell: (list: ModelList) => void;
  #answer: readonly ModelEntry[] | "untold" | undefined;
  #awaited = true;
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

  /** The pod does not show us its list. That may be our token's fault, so a list seen before stays true. */
  denied(): void {
    if (this.#answer === undefined) this.answered("untold");
  }

  /** No answer has come for so long that requests are not to wait for one; one that comes still counts. */
  givenUp(): void {
    this.#awaited = false;
    this.#compose();
  }

  labelled(traits: PageTraits): void {
    this.#traits = traits;
    this.#compose();
  }

  #compose(): void {
    const list = this.#list();
    if (list === undefined) return;
    // Members beside the id, such as the time of the answer, are no change.
    const told = [list.kind, ...list.entries.map(({ id }) => id)].join("\n");
    if (told === this.#told) return;
    this.#told = told;
    this.#tell(list);
  }

  #list(): ModelList | undefined {
    const answer = this.#answer;
    if (answer !== undefined && answer !== "untold") return { kind: "listed", entries: this.#withAdapters(answer) };
    if (answer === undefined && this.#awaited) return undefined;
    // Without a page either, the pod may be one that hangs: nobody should be sent there on a guess.
    if (answer === undefined && this.#traits === undefined) return { kind: "silent", entries: [] };
    return { kind: "untold", entries: this.#labels() };
  }

  /** Beside a list only adapters at work count: one that was unloaded since is rightly missing. */
  #withAdapters(listed: readonly ModelEntry[]): readonly ModelEntry[] {
    const { running = [], waiting = [] } = this.#traits?.lora ?? {};
    const known = new Set(listed.map(({ id }) => id));
    const lacking = namesIn(running, waiting).filter((name) => !known.has(name));
    return [...listed, ...lacking.map((id) => ({ id }))];
  }

  /** The page names the model by its first name only, and an adapter from its first use on. */
  #labels(): readonly ModelEntry[] {
    const { models = [], adapters = [] } = this.#traits ?? {};
    const [parent] = models;
    const bases = new Set(models);
    return namesIn(models, adapters).map((id) => (bases.has(id) || parent === undefined ? { id } : { id, parent }));
  }
}

/** Each once; a name longer than any that a request may ask for is none. */
function namesIn(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].filter((name) => Buffer.byteLength(name) <= LONGEST_MODEL);
}
