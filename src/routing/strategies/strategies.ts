/**
 * From the strategy that a request names to the lane that decides on it. A lane is compiled when it is first asked for;
 * those of mixes, of which clients can think up any number, are few at a time.
 */
import type { PodTable } from "../../pods/pod-table.ts";
import type { Choice, Refusal, RouteHints } from "../choose-pool.ts";
import type { Lane } from "../lane.ts";
import { type StrategyProfile, strategyProfile, unsupportedStrategies } from "./catalogue.ts";
import { selected } from "./label-selector.ts";
import type { StrategySettings } from "./strategy-settings.ts";
import { readStrategyText } from "./strategy-text.ts";

/** Of mixes; the one asked for longest ago goes first. */
const MIXES_KEPT = 32;

export interface StrategyParts {
  readonly settings: StrategySettings;
  readonly table: PodTable;
  /** By the name of the profile, which is the name of a strategy too. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Makes a lane of what a strategy settles and of the filters of the profile with this name. */
  readonly compile: (strategy: StrategyProfile, profile: string) => Lane;
  /** The lane of the profile `named` with the filters of `profile` added. */
  readonly within: (lane: Lane, named: string, profile: string) => Lane;
  /** All headers that any strategy's lane reads. */
  readonly laneHeaders: readonly string[];
}

export class Strategies {
  readonly #parts: StrategyParts;
  /** By profile and strategy: one of each that stands alone, and of each profile named as one. */
  readonly #alone = new Map<string, Lane>();
  /** The same of mixes, the one used last at the end. */
  readonly #mixes = new Map<string, Lane>();
  /** The request's headers that matter here, by lower-case name. */
  readonly headers: readonly string[];

  constructor(parts: StrategyParts) {
    this.#parts = parts;
    const { header, filterHeader } = parts.settings;
    this.headers = [header, filterHeader, ...parts.laneHeaders].filter((name) => name !== "");
  }

  /** What the request is to be routed by; "" for the profile of its pool. */
  named({ headers }: RouteHints): string {
    const { header, default: otherwise } = this.#parts.settings;
    return headers?.[header]?.trim() || otherwise;
  }

  /** The lane of this strategy in a pool with this profile; undefined where there is no such strategy. */
  laneOf(strategy: string, profile: string): Lane | undefined {
    const own = this.#parts.lanes.get(strategy);
    if (own !== undefined && !this.#isAllowed(strategy)) return undefined;
    if (own !== undefined && strategy === profile) return own;
    const key = `${profile}\n${strategy}`;
    if (own !== undefined) return this.#alone.get(key) ?? this.#join(key, own, strategy, profile);
    return this.#alone.get(key) ?? this.#mixOf(key) ?? this.#compile(key, strategy, profile);
  }

  refusal(strategy: string): Refusal {
    const parts = readStrategyText(strategy) ?? [];
    const known = parts.map(({ name }) => name).find((name) => Object.hasOwn(unsupportedStrategies, name));
    return { kind: "refused", code: "strategy_unknown", strategy, ...(known !== undefined && { unsupported: known }) };
  }

  /** What the request's own selector leaves of the choice. */
  narrow(choice: Choice, strategy: string, { headers }: RouteHints): Choice | Refusal {
    const { table, settings } = this.#parts;
    const text = headers?.[settings.filterHeader] ?? "";
    if (text === "") return choice;
    const among = selected(table, choice.among, text);
    if (among !== undefined && among.size > 0) return { ...choice, among };
    return { kind: "refused", code: "filter_empty", strategy, pool: choice.pool };
  }

  /** A request may choose how pods are compared, not which of the pool's pods it may have. */
  #join(key: string, own: Lane, strategy: string, profile: string): Lane {
    const lane = this.#parts.within(own, strategy, profile);
    this.#alone.set(key, lane);
    return lane;
  }

  #isAllowed(name: string): boolean {
    const { allowed } = this.#parts.settings;
    return allowed === undefined || allowed.includes(name);
  }

  #mixOf(key: string): Lane | undefined {
    const lane = this.#mixes.get(key);
    if (lane === undefined) return undefined;
    this.#mixes.delete(key);
    this.#mixes.set(key, lane);
    return lane;
  }

  #compile(key: string, strategy: string, profile: string): Lane | undefined {
    const parts = readStrategyText(strategy);
    if (parts === undefined || !parts.every(({ name }) => this.#isAllowed(name))) return undefined;
    const settled = strategyProfile(parts, this.#parts.settings.prefixCache);
    if (settled === undefined) return undefined;
    const lane = this.#parts.compile(settled, profile);
    const [first] = parts;
    // Weights alone make no new strategy where it is the only one, so that only plain names are kept for ever.
    if (first?.name === strategy) this.#alone.set(key, lane);
    else {
      this.#mixes.set(key, lane);
      const [oldest] = this.#mixes.keys();
      if (this.#mixes.size > MIXES_KEPT && oldest !== undefined) this.#mixes.delete(oldest);
    }
    return lane;
  }
}
