/** Which model requests for a model are sent on for, by rules from all places that state some. */

export interface RewriteTarget {
  readonly model: string;
  /** Its share beside the other targets; undefined where it was left out. */
  readonly weight?: number;
}

export interface RewriteRule {
  /** The names it is for; without any it is for every model that no other rule names. */
  readonly models: readonly string[];
  readonly targets: readonly RewriteTarget[];
}

/** The rules of one object, or of one place in the configuration. */
export interface RewriteSource {
  /** What logs and metrics call it. */
  readonly name: string;
  /** The pool whose requests it is for; "" for all. */
  readonly pool: string;
  /** Of two rules that fit alike the one of the older source counts. */
  readonly createdAtMs: number;
  readonly rules: readonly RewriteRule[];
}

/** A rule ready to be drawn from. */
export interface CompiledRule {
  readonly source: string;
  readonly pool: string;
  readonly models: readonly string[];
  readonly targets: readonly string[];
  /** Of each target, its weight and those of all before it. */
  readonly upTo: readonly number[];
}

/** The largest weight of a target, as InferenceModelRewrite has it. */
export const MOST_WEIGHT = 1_000_000;

/** What is older than any object: the configuration. */
export const ALWAYS = Number.NEGATIVE_INFINITY;

export class RewriteBook {
  readonly #stated = new Map<string, readonly RewriteSource[]>();
  /** In the order in which they count. */
  #exact: ReadonlyMap<string, readonly CompiledRule[]> = new Map();
  #generic: readonly CompiledRule[] = [];
  #names: ReadonlySet<string> = new Set();

  /** Replaces all that `owner` stated before; who states sources of its own goes by a name of its own. */
  set(owner: string, sources: readonly RewriteSource[]): void {
    if (sources.length === 0) this.#stated.delete(owner);
    else this.#stated.set(owner, sources);
    this.#compile();
  }

  /** Does a rule name the model, as what is asked for or as a target? */
  mentions(model: string): boolean {
    return this.#names.has(model);
  }

  get isEmpty(): boolean {
    return this.#stated.size === 0;
  }

  /** The rule that names the model; `pool` is "" where no pool is named and none serves the model, and then a rule of any pool may. */
  exactRule(model: string, pool: string): CompiledRule | undefined {
    return this.#exact.get(model)?.find((rule) => rule.pool === "" || pool === "" || rule.pool === pool);
  }

  /** The rule for models that no rule names, and for requests that name none. */
  genericRule(pool: string): CompiledRule | undefined {
    return this.#generic.find((rule) => rule.pool === "" || rule.pool === pool);
  }

  #compile(): void {
    const sources = [...this.#stated.values()].flat().sort(byPrecedence);
    const rules = sources.flatMap((source) => source.rules.flatMap((rule) => compiled(source, rule) ?? []));
    const exact = new Map<string, CompiledRule[]>();
    for (const rule of rules) {
      for (const model of rule.models) exact.set(model, [...(exact.get(model) ?? []), rule]);
    }
    this.#exact = exact;
    this.#generic = rules.filter(({ models }) => models.length === 0);
    this.#names = new Set(rules.flatMap(({ models, targets }) => [...models, ...targets]));
  }
}

/** The oldest first; of equal age those of one pool before those of all, then by name, as objects are ordered. */
function byPrecedence(one: RewriteSource, other: RewriteSource): number {
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs < other.createdAtMs ? -1 : 1;
  const isNarrower = Number(one.pool === "") - Number(other.pool === "");
  if (isNarrower !== 0) return isNarrower;
  return one.name < other.name ? -1 : Number(one.name > other.name);
}

/** Where no target has a weight they share alike; where some have, one without is never drawn. Undefined for nothing to draw. */
function compiled({ name, pool }: RewriteSource, { models, targets }: RewriteRule): CompiledRule | undefined {
  const isWeighted = targets.some(({ weight }) => weight !== undefined);
  let sum = 0;
  const upTo = targets.map(({ weight }) => {
    sum += isWeighted ? (weight ?? 0) : 1;
    return sum;
  });
  return sum > 0 ? { source: name, pool, models, targets: targets.map(({ model }) => model), upTo } : undefined;
}

/** `lot` is uniform in 0..1, without 1. */
export function drawTarget({ targets, upTo }: CompiledRule, lot: number): string {
  const drawn = lot * (upTo.at(-1) ?? 0);
  return targets[upTo.findIndex((sum) => drawn < sum)] ?? "";
}
