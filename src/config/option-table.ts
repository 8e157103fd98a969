/** What an option is, and a table of them: flag, kind, default, help and place in the config file of each. */
import type { OptionKind } from "./option-kinds.ts";

export interface OptionSpec<T> {
  /** Without dashes; the environment name is POINTSMAN_ and this in capitals. */
  readonly flag: string;
  readonly kind: OptionKind<T>;
  readonly default: T;
  readonly help: string;
  /** Where the config file says the same, such as `listen.grpcPort`; "" where it cannot. */
  readonly key: string;
  /** Does a running picker follow a change in the file, only up to the value it started with, or not at all? */
  readonly change: "live" | "lower" | "restart";
}

export type OptionTable = { readonly [name: string]: OptionSpec<unknown> };
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionSpec<infer V> ? V : never;
};

/** Keeps each option's value type; the table's own type is inferred. */
export function option<T>(
  flagName: string,
  kind: OptionKind<T>,
  defaultValue: T,
  help: string,
  key = "",
  change: OptionSpec<T>["change"] = "restart",
): OptionSpec<T> {
  return { flag: flagName, kind, default: defaultValue, help, key, change };
}
