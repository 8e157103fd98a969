/** Is the picker fit to be asked, and why not: one sentence for probes and operators. */
import type { SourceState } from "../discovery/discovery.ts";

/** Health in one sentence, and whether it is good. */
export interface Readiness {
  readonly ready: boolean;
  readonly sentence: string;
}

/** So long a set of pods is believed without having been seen anew. */
const BELIEVED_MS = 30_000;
/** The names of more would make no sentence. */
const NAMED_AT_MOST = 3;

export interface ReadinessFacts {
  readonly started: boolean;
  readonly draining: boolean;
  readonly openStreams: number;
  readonly pods: number;
  /** Pods that answer and are not set aside. */
  readonly usable: number;
  readonly sources: readonly SourceState[];
}

export function readinessOf(facts: ReadinessFacts): Readiness {
  const { started, draining, openStreams, pods, sources } = facts;
  if (draining) return no(`draining: ${openStreams} streams open`);
  if (!started) return no(`starting: ${pods} pods known`);
  const untold = sources.filter(({ known }) => !known);
  if (untold.length > 0) {
    const whose = listed(untold, ({ name, problem }) => `${name}: ${problem || "has not told its pods"}`);
    return no(`${untold.length} of ${sources.length} sources of pods have not told any yet: ${whose}`);
  }
  const old = sources.filter(({ ageMs }) => ageMs > BELIEVED_MS);
  if (old.length > 0) {
    const whose = listed(
      old,
      ({ name, ageMs, problem }) =>
        `${name} for ${Math.floor(ageMs / 1000)} s: ${problem || "it says nothing any more"}`,
    );
    return no(`picking from the last known pods, of which a source is not sure any more: ${whose}`);
  }
  return { ready: true, sentence: sentenceOf(facts) };
}

/** What it picks from: nothing to pick from is no fault of the picker, but it is what has to be said first. */
function sentenceOf({ pods, usable, openStreams, sources }: ReadinessFacts): string {
  const streams = `${openStreams} streams open`;
  if (sources.length === 0) return `no pools to pick from, ${streams}`;
  if (pods === 0) return `no pods to pick from: the set of ${listed(sources, ({ name }) => name)} is empty, ${streams}`;
  if (usable === 0) return `no usable pod: all ${pods} are unreachable or set aside, ${streams}`;
  const which = usable === pods ? `${pods} pods` : `${usable} usable pods of ${pods}`;
  return `picking from ${which}, ${streams}`;
}

function listed(sources: readonly SourceState[], say: (source: SourceState) => string): string {
  const said = sources.slice(0, NAMED_AT_MOST).map(say);
  if (sources.length > NAMED_AT_MOST) said.push(`${sources.length - NAMED_AT_MOST} more`);
  return said.join("; ");
}

function no(sentence: string): Readiness {
  return { ready: false, sentence };
}
