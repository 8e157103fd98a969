/** Ranges of prompt lengths that pods are meant for, as their labels write them, and how a prompt's length suits one. */
import type { Pod } from "../pods/pod-table.ts";

/** In tokens, both ends included. */
export interface ContextRange {
  readonly min: number;
  readonly max: number;
}

/** What a label says: a range, nothing since there is none, or something that is no range. */
type Said = ContextRange | "none" | "wrong";

/** Scores of a prompt within a range lie above it, of others at or below. */
const OUTSIDE_AT_MOST = 0.3;
const UNLABELLED = 0.5;

/** "0-2048": two whole numbers, the smaller first; undefined for anything else. */
export function parseContextRange(text: string): ContextRange | undefined {
  const [, low = "", high = ""] = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(text) ?? [];
  const range = { min: Number(low), max: Number(high) };
  return low !== "" && range.min <= range.max ? range : undefined;
}

/** Within: more for a narrow range and for room above the prompt. Outside: the less the farther away. */
export function fitOf(tokens: number, { min, max }: ContextRange): number {
  if (tokens < min || tokens > max) {
    const distance = tokens > max ? tokens - max : min - tokens;
    return OUTSIDE_AT_MOST / (1 + distance / 1000);
  }
  const width = max - min;
  if (width === 0) return 1;
  const raw = 0.7 / (1 + width / 10_000) + (0.3 * (max - tokens)) / width;
  return OUTSIDE_AT_MOST + raw * (1 - OUTSIDE_AT_MOST);
}

/** Reads one label of pods; each pod's is parsed again only when its labels are replaced. */
export class ContextLabel {
  readonly #label: string;
  readonly #read: ({ readonly labels: Pod["labels"]; readonly said: Said } | undefined)[] = [];

  constructor(label: string) {
    this.#label = label;
  }

  /** Half for a pod without the label, 0 for one whose label is no range. */
  fit(pod: Pod, tokens: number): number {
    const said = this.#of(pod);
    if (typeof said === "string") return said === "none" ? UNLABELLED : 0;
    return fitOf(tokens, said);
  }

  /** May the pod take a prompt so long? One without the label takes any. */
  allows(pod: Pod, tokens: number): boolean {
    const said = this.#of(pod);
    return typeof said === "string" ? said === "none" : tokens >= said.min && tokens <= said.max;
  }

  #of({ slot, labels }: Pod): Said {
    const known = this.#read[slot];
    if (known?.labels === labels) return known.said;
    const text = labels[this.#label];
    const said = text === undefined ? "none" : (parseContextRange(text) ?? "wrong");
    this.#read[slot] = { labels, said };
    return said;
  }
}
