/** Decides by which name a request goes on: by a rule of the configuration or of an object, else by a header. */
import type { Pools } from "../pods/pools.ts";
import { askedModel } from "./model-name.ts";
import { drawTarget, type RewriteBook } from "./rewrite-rules.ts";

/** The name a request is to go by. */
export interface Renaming {
  /** The model's name at the pod; it may be the one that the client wrote. */
  readonly target: string;
  /** Whose rule it was: an object's namespace and name, "config", or "header". */
  readonly by: string;
  /** The pool that the rule is for; "" where it is for all. */
  readonly pool: string;
}

export const BY_HEADER = "header";
export const BY_CONFIG = "config";

export interface RewriterParts {
  readonly book: RewriteBook;
  readonly pools: Pools;
  /** May no header say by which name a request goes on? Default: it may. */
  readonly ignoresHeader?: boolean;
  /** Uniform in 0..1, without 1. */
  readonly random: () => number;
}

export class Rewriter {
  readonly #parts: RewriterParts;
  /** What the next target is drawn by: drawn ahead, so that it can be told. */
  #nextDraw: number;

  constructor(parts: RewriterParts) {
    this.#parts = parts;
    this.#nextDraw = parts.random();
  }

  /**
   * `pool` is the one that the route or the client names, `asked` what a header says of the target; "" for none. A rule
   * wins over the header. Undefined where the request keeps its name without anybody having said so.
   */
  renamingOf(model: string, pool: string, asked: string): Renaming | undefined {
    const renaming = this.foresee(model, pool, asked);
    if (renaming !== undefined && renaming.by !== BY_HEADER) this.#nextDraw = this.#parts.random();
    return renaming;
  }

  /** What `renamingOf` will say next; nothing is drawn. */
  foresee(model: string, pool: string, asked: string): Renaming | undefined {
    const { book } = this.#parts;
    if (!book.isEmpty) {
      // A pool's rule must not draw requests for a model that another pool serves.
      const known = pool || this.#onlyPool() || this.#poolServing(model);
      const rule = (model === "" ? undefined : book.exactRule(model, known)) ?? book.genericRule(known);
      if (rule !== undefined) return { target: drawTarget(rule, this.#nextDraw), by: rule.source, pool: rule.pool };
    }
    const target = this.#askedBy(asked);
    return target === "" ? undefined : { target, by: BY_HEADER, pool: "" };
  }

  /** Does a request that names no model get one? */
  namesAll(pool: string, asked: string): boolean {
    return this.#askedBy(asked) !== "" || this.#parts.book.genericRule(pool || this.#onlyPool()) !== undefined;
  }

  #askedBy(header: string): string {
    return this.#parts.ignoresHeader === true ? "" : askedModel(header);
  }

  #onlyPool(): string {
    const { all } = this.#parts.pools;
    return all.length === 1 ? (all[0]?.name ?? "") : "";
  }

  /** Of several pools the one that lists the model or is called as it is, as routing finds it. */
  #poolServing(model: string): string {
    const { pools } = this.#parts;
    return model === "" ? "" : ((pools.all.find((pool) => pool.lists(model)) ?? pools.byName(model))?.name ?? "");
  }
}
