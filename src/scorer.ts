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

export interface NumberOption {
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
  readonly integer?: boolean;
  readonly help: string;
}
export interface FlagOption {
  readonly default: boolean;
  readonly help: string;
}
/** `pattern` is what a correct text looks like, `expects` says so in words. */
export interface TextOption {
  readonly default: string;
  readonly pattern?: RegExp;
  readonly expects?: string;
  readonly help: string;
}
/** A list of texts; `pattern` is for each of them. */
export interface ListOption {
  readonly default: readonly string[];
  readonly pattern?: RegExp;
  readonly expects?: string;
  readonly help: string;
}
/** Something a user may set: its default tells its kind. Validated by the host, shown in --help and the docs. */
export type OptionSpec = NumberOption | FlagOption | TextOption | ListOption;
export type OptionSpecs = { readonly [name: string]: OptionSpec };
export type OptionValue = OptionSpec["default"];

/** A default of 5 stands for any number. */
type Widened<V> = V extends number
  ? number
  : V extends boolean
    ? boolean
    : V extends string
      ? string
      : readonly string[];
export type Options<O extends OptionSpecs> = { readonly [K in keyof O]: Widened<O[K]["default"]> };

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

/** The Go picker's estimate where nobody has counted. */
export const BYTES_PER_TOKEN = 4;

/** Tokens in the prompt, by its bytes. */
export function promptTokensOf(request: InferenceRequest): number {
  return request.promptBytes / BYTES_PER_TOKEN;
}
