/** The catalogue of faults as data: what each looks like, what it is, and what to do. Probes say when it is seen. */

/** In the order in which they are asked: the first that fails is the verdict, whatever fails behind it. */
export const steps = {
  gateway: "Does the gateway run, and has it an address?",
  accepted: "Was the configuration accepted?",
  filter: "Is the ext_proc filter on the listener?",
  route: "Is it on for the route that matches?",
  link: "Does the picker's cluster exist, connect, and speak what the picker speaks?",
  stream: "Was the stream answered?",
  address: "Was an address returned, where this data plane reads it?",
  cluster: "Can the cluster use it?",
  pod: "Is the pod reachable, and does it serve the model?",
  body: "Did the body arrive whole?",
  answer: "Did the answer come through?",
} as const;

export type Step = keyof typeof steps;

/**
 * {Words} in braces are filled in from what was seen. Of several ways to say a line the first counts of which every word is
 * known; where none is, the line does not fit the case and is left out.
 */
export type Line = string | readonly [string, ...string[]];

export interface Row {
  /** The number people refer to; stable. */
  readonly row: number;
  /** The name programs refer to, in --json; stable. */
  readonly name: string;
  readonly step: Step;
  /** The hop that is broken, as in "the filter chain", "the control plane". */
  readonly layer: string;
  /** What users see. */
  readonly symptom: string;
  /** What it is, in a sentence. */
  readonly cause: string;
  /** Lines to paste or do, in this order. */
  readonly fix: readonly Line[];
  /** What to see afterwards. */
  readonly expect: Line;
  /** Where anything else is wrong in the same step, this comes of it. */
  readonly isConsequence?: true;
  /** Reports of the same, repository#number. */
  readonly references?: readonly string[];
}
