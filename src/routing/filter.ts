/** The contract of a filter: a declaration, and one function that says of each candidate whether it stays. */
import type { ErrorCode } from "../errors.ts";
import type { PodColumn } from "../pods/columns.ts";
import type { Pod } from "../pods/pod-table.ts";
import type { ServedModels } from "../pods/served-models.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { OptionSpecs, Options } from "../scorer.ts";
import type { RouteHints } from "./choose-pool.ts";

/** What is known of pods beside what a Pod carries. Arrays are by slot and are replaced as the table grows. */
export interface PodKnowledge {
  readonly columns: Readonly<Record<PodColumn, Float64Array>>;
  readonly models: ServedModels;
}

/** Does the pod stay a candidate? */
export type Keep = (pod: Pod) => boolean;

/** What becomes of a request where a filter would leave nobody: refused with this code, or as if it were not there. */
export type WhenNoneIsLeft = ErrorCode | "all stay";

/**
 * What a filter judges by. Facts say who is eligible at all, whether it answers at the moment or not; the load is looked
 * at last, of those that answer and are well, so that a pod which tells nothing is no way round a limit.
 */
export type FilterGround = "facts" | "load";

export interface Filter<O extends OptionSpecs = OptionSpecs> {
  /** Kebab-case noun: the file's name and the config key. */
  readonly name: string;
  /** One line for --help and the docs. */
  readonly summary: string;
  readonly ground: FilterGround;
  /** The request's headers it reads, by lower-case name; others are not there for it. */
  readonly headers?: readonly string[];
  readonly options: O;
  whenNoneIsLeft(options: Options<O>): WhenNoneIsLeft;
  /** Settles everything once; the returned function says what is asked of one request, undefined for nothing. */
  build(options: Options<O>, known: PodKnowledge): (request: InferenceRequest, hints: RouteHints) => Keep | undefined;
}

export function defineFilter<const O extends OptionSpecs>(filter: Filter<O>): Filter<O> {
  return filter;
}
