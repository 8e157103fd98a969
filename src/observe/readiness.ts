/** Is the picker fit to be asked, and why not: one sentence for probes and operators. */
import type { SourceState } from "../discovery/discovery.ts";

/** Health in one sentence, and whether it is good. */
export interface Readiness {
  readonly ready: boolean;
  readonly sentence: string;
}

/** So long a set of pods is believed without having been seen anew. */
const BELIEVED_MS = 30_000;

export interface ReadinessFacts {
  readonly started: boolean;
  readonly draining: boolean;
  readonly openStreams: number;
  readonly pods: number;
  readonly sources: readonly SourceState[];
}

export function readinessOf({ started, draining, openStreams, pods, sources }: ReadinessFacts): Readiness {
  if (draining) return no(`draining: ${openStreams} streams open`);
  if (!started) return no(`starting: ${pods} pods known`);
  const unknown = sources.find(({ known }) => !known);
  if (unknown !== undefined)
    return no(`no pods known yet: ${unknown.name}: ${unknown.problem || "has not told its pods"}`);
  const stale = sources.find(({ ageMs }) => ageMs > BELIEVED_MS);
  if (stale !== undefined) {
    const seconds = Math.floor(stale.ageMs / 1000);
    return no(`the pods are ${seconds} s old: ${stale.name}: ${stale.problem || "says nothing any more"}`);
  }
  return { ready: true, sentence: `picking: ${pods} pods known, ${openStreams} streams open` };
}

function no(sentence: string): Readiness {
  return { ready: false, sentence };
}
