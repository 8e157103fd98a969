/**
 * The lists of models that pods tell, each kept once: the pods of a pool mostly serve the same. A list is known by a
 * number, goes over to the other thread in parts, and is forgotten with the last pod that names it.
 */
import { createHash } from "node:crypto";
import type { ModelEntry } from "../pods/served-models.ts";
import type { ListPart } from "./batch.ts";

/** Text is parsed at some 100 bytes a microsecond; a larger entry loses all but its id. */
const PART_BYTES = 32_768;

/** Written anew with every answer, so that no two lists would ever be the same. Nobody chooses by them. */
const fleeting: ReadonlySet<string> = new Set(["created", "permission"]);

interface Kept {
  readonly list: number;
  readonly key: string;
  pods: number;
}

export class ListShelf {
  readonly #byKey = new Map<string, Kept>();
  readonly #byPod = new Map<number, Kept>();
  /** Parts that are yet to go over, by list, the oldest first. */
  readonly #unsent = new Map<number, string[]>();
  #begun: number | undefined;
  #forgotten: number[] = [];
  #nextList = 1;

  /** The number of the list that the pod names from now on. */
  put(id: number, entries: readonly ModelEntry[]): number {
    const key = keyOf(entries);
    const kept = this.#byKey.get(key) ?? this.#add(key, entries);
    kept.pods++;
    // After the new one is taken: it may be the same list.
    this.drop(id);
    this.#byPod.set(id, kept);
    return kept.list;
  }

  drop(id: number): void {
    const kept = this.#byPod.get(id);
    this.#byPod.delete(id);
    if (kept === undefined || --kept.pods > 0) return;
    this.#byKey.delete(kept.key);
    // What nobody waits for need not go over.
    if (!this.#unsent.delete(kept.list) || this.#begun === kept.list) this.#forgotten.push(kept.list);
  }

  /** Has all of the list gone over? */
  isSent(list: number): boolean {
    return !this.#unsent.has(list);
  }

  get hasUnsent(): boolean {
    return this.#unsent.size > 0 || this.#forgotten.length > 0;
  }

  /** Those that nobody names any more since the last call. */
  takeForgotten(): number[] {
    const forgotten = this.#forgotten;
    this.#forgotten = [];
    return forgotten;
  }

  /** The next parts, up to what is parsed in a moment. */
  takeParts(): ListPart[] {
    const taken: ListPart[] = [];
    let size = 0;
    for (const [list, parts] of this.#unsent) {
      while (parts[0] !== undefined) {
        size += parts[0].length;
        if (taken.length > 0 && size > PART_BYTES) return taken;
        taken.push({ list, entries: parts[0] });
        parts.shift();
        this.#begun = list;
      }
      this.#unsent.delete(list);
    }
    return taken;
  }

  #add(key: string, entries: readonly ModelEntry[]): Kept {
    const kept = { list: this.#nextList++, key, pods: 0 };
    this.#byKey.set(key, kept);
    this.#unsent.set(kept.list, partsOf(entries));
    return kept;
  }
}

function keyOf(entries: readonly ModelEntry[]): string {
  const text = JSON.stringify(entries, (name, value: unknown) => (fleeting.has(name) ? undefined : value));
  return createHash("sha256").update(text).digest("base64");
}

function partsOf(entries: readonly ModelEntry[]): string[] {
  const parts: string[] = [];
  let open: string[] = [];
  let size = 0;
  for (const entry of entries) {
    const whole = JSON.stringify(entry);
    const text = whole.length > PART_BYTES ? JSON.stringify({ id: entry.id }) : whole;
    if (open.length > 0 && size + text.length > PART_BYTES) {
      parts.push(`[${open.join()}]`);
      open = [];
      size = 0;
    }
    open.push(text);
    size += text.length;
  }
  return [...parts, `[${open.join()}]`];
}
