/** Readings of many sources -> one body of evidence -> the verdict. */
import type { Evidence, Unread } from "./evidence.ts";
import { probes } from "./probes/index.ts";
import { readEvidence } from "./recognise.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

/** A file, a page or a line, and what it is called. */
export interface Source {
  readonly name: string;
  readonly text: string;
  /** What it is called in a bundle, where that is another name. */
  readonly file?: string;
}

export function evidenceOf(sources: readonly Source[]): Evidence {
  let evidence: Evidence = { access: [], logs: [], objects: [], unread: [] };
  for (const { name, text } of sources) evidence = joined(evidence, readingOf(text, name));
  return evidence;
}

export function diagnose(evidence: Evidence): Verdict {
  return verdictOf(probes, evidence);
}

function readingOf(text: string, source: string): Partial<Evidence> {
  if (text.trim() === "") return { unread: [{ source, why: "it is empty" }] };
  try {
    return readEvidence(text, source) ?? { unread: [{ source, why: "it is none of the kinds that are known" }] };
  } catch (error) {
    return { unread: [{ source, why: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) }] };
  }
}

/** Lists grow; of what there can be only one of, the last counts. */
function joined(a: Evidence, b: Partial<Evidence>): Evidence {
  const picker =
    a.picker && b.picker
      ? { ...a.picker, samples: [...a.picker.samples, ...b.picker.samples], pods: [...a.picker.pods, ...b.picker.pods] }
      : (b.picker ?? a.picker);
  return {
    ...a,
    ...b,
    ...(picker !== undefined && { picker }),
    access: [...a.access, ...(b.access ?? [])],
    logs: [...a.logs, ...(b.logs ?? [])],
    logNames: [...(a.logNames ?? []), ...(b.logNames ?? [])],
    objects: [...a.objects, ...(b.objects ?? [])],
    unread: [...a.unread, ...(b.unread ?? []), ...passedOver(a, b)],
  };
}

/** Two Envoys' pages beside each other cannot be told apart: each has a folder of its own, or one is passed over. */
function passedOver(a: Evidence, b: Partial<Evidence>): Unread[] {
  const both = (["config", "stats", "server"] as const).filter(
    (kind) => a[kind] !== undefined && b[kind] !== undefined,
  );
  return both.map((kind) => ({
    source: a[kind]?.source ?? "",
    why: `${b[kind]?.source} came after it and counts in its place`,
  }));
}
