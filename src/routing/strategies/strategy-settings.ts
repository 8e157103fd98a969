/** What the configuration says of strategies that requests name. */
import type { OptionValues } from "../option-values.ts";

export interface StrategySettings {
  /** The request header that names one, in lower case; "" for none. */
  readonly header: string;
  /** For requests that name none; "" leaves them to the profile of their pool. */
  readonly default: string;
  /** The names that requests may use, alone or in a mix; undefined for all. */
  readonly allowed: readonly string[] | undefined;
  /** The request header with a label selector that narrows the pods; "" for none. */
  readonly filterHeader: string;
  /** Options of prefix-cache where it decides alone. */
  readonly prefixCache: OptionValues;
}
