/** The public contract of a scorer (exported as "pointsman/scorer"): a declaration and one function. */
import type { ColumnName } from "./pods/columns.ts";
import type { InferenceRequest } from "./request/inference-request.ts";

export type { ColumnName, InferenceRequest };

/** The pods in play as dense rows 0..size-1, with one array per column the scorer declared. Read only; do not keep. */
export type Candidates<C extends ColumnName> = { readonly size: number } & { readonly [K in C]: Float64Array };

/** Writes a score 0..1 (1 = best) for every row 0..size-1. */
export type Score<C extends ColumnName> = (
  pods: Candidates<C>,
  scores: Float64Array,
  request: InferenceRequest,
) => void;

/** A number a user may set: validated by the host, shown in --help and the docs. */
export interface OptionSpec {
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
  readonly help: string;
}
export type OptionSpecs = { readonly [name: string]: OptionSpec };
export type Options<O extends OptionSpecs> = { readonly [K in keyof O]: number };

export interface Scorer<C extends ColumnName = ColumnName, O extends OptionSpecs = OptionSpecs> {
  /** Kebab-case noun: the file's name, the config key and the metric label. */
  readonly name: string;
  /** One line for --help and the docs. */
  readonly summary: string;
  /** Does it pull requests together or apart? */
  readonly leaning: "affinity" | "spread";
  /** The columns gathered for it; reading another is a compile error. */
  readonly reads: readonly C[];
  readonly options: O;
  /** Settles everything once; the returned function is the hot path. */
  build(options: Options<O>): Score<C>;
}

export function defineScorer<const C extends ColumnName, const O extends OptionSpecs>(
  scorer: Scorer<C, O>,
): Scorer<C, O> {
  return scorer;
}
