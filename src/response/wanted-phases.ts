/** Which part of the answers the filter in Envoy has to show the picker: no more than something here reads. */
import type { ColumnName } from "../pods/columns.ts";

/** Columns that are written from the bodies of answers, and only if those come as they are generated. */
const fromBodies: readonly ColumnName[] = ["ttft", "tpot"];

/** Whoever reads columns: a scorer with its name. */
export interface ColumnReader {
  readonly name: string;
  readonly reads: readonly ColumnName[];
}

/** Values of the filter's processing_mode. */
export interface WantedPhases {
  readonly responseHeaderMode: "SEND";
  readonly responseBodyMode: "NONE" | "STREAMED";
  /** Does a scorer read what only answers that come as they are generated can tell? */
  readonly readsTimes: boolean;
  /** What is said of it at the start. */
  readonly sentence: string;
}

/** What else reads the bodies of answers, as the configuration has it. */
export interface OtherReaders {
  readonly renames?: boolean;
  readonly tellsCosts?: boolean;
}

/** Headers are wanted always: they show which pods fail. */
export function wantedPhases(readers: readonly ColumnReader[], others: OtherReaders = {}): WantedPhases {
  const reasons = readers.flatMap(({ name, reads }) => {
    const columns = reads.filter((column) => fromBodies.includes(column));
    return columns.length === 0 ? [] : [`${name} reads ${columns.join(" and ")}`];
  });
  const readsTimes = reasons.length > 0;
  if (others.renames === true) reasons.push("rewritten models get their names back");
  if (others.tellsCosts === true) reasons.push("their costs are told");
  const responseHeaderMode = "SEND";
  if (reasons.length === 0) {
    const sentence =
      "nothing here reads the bodies of answers: response_body_mode NONE will do; of answers that are shown all the same the tokens are counted";
    return { responseHeaderMode, responseBodyMode: "NONE", readsTimes, sentence };
  }
  const sentence = `the bodies of answers are read (${reasons.join(", ")}): the filter needs response_body_mode STREAMED or FULL_DUPLEX_STREAMED`;
  return { responseHeaderMode, responseBodyMode: "STREAMED", readsTimes, sentence };
}
