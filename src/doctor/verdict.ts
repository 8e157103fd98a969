/** From everything that was seen to the first layer that failed, what else was seen, and what could not be looked at. */
import { type Step, steps } from "./catalogue/row.ts";
import { type Evidence, type EvidenceKind, has } from "./evidence.ts";
import { isWellNow } from "./logs/recovered.ts";
import type { Probe, Sighting } from "./probe.ts";

export interface Finding extends Sighting {
  readonly row: Probe["row"];
}

export interface NotChecked {
  readonly row: Probe["row"];
  /** The shortest of the lists that would do, without what is there already. */
  readonly missing: readonly EvidenceKind[];
}

export interface Verdict {
  /** The cause that comes first on the way of a request; absent where no request fails of anything that was seen. */
  readonly first?: Finding;
  readonly also: readonly Finding[];
  readonly risks: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** Rows that were looked for and not seen. */
  readonly ruledOut: readonly Probe["row"][];
}

const order = Object.keys(steps) as Step[];

export function verdictOf(probes: readonly Probe[], evidence: Evidence): Verdict {
  const findings: Finding[] = [];
  const notChecked: NotChecked[] = [];
  const ruledOut: Probe["row"][] = [];
  for (const { row, needs, look } of probes) {
    const seen = look(evidence).filter(({ weight }) => weight !== "past");
    findings.push(...seen.map((sighting) => ({ ...sighting, row })));
    if (seen.length > 0) continue;
    const missing = missingOf(needs, evidence);
    if (missing.length === 0) ruledOut.push(row);
    else notChecked.push({ row, missing });
  }
  const weighed = findings.map(weighedAmong(findings, evidence));
  const [first, ...also] = weighed.filter(({ weight }) => weight === "fault").sort(byPlace);
  const risks = weighed.filter(({ weight }) => weight === "risk").sort(byPlace);
  return { ...(first !== undefined && { first }), also, risks, notChecked, ruledOut };
}

/** What is off the way of the requests that fail is no fault of theirs; and where none fails nothing is. */
function weighedAmong(findings: readonly Finding[], { access }: Evidence): (finding: Finding) => Finding {
  const failing = findings.filter(({ weight, mayCause }) => weight === "fault" && mayCause === undefined);
  const isWell = failing.length === 0 && isWellNow(access);
  return (finding) => {
    const { mayCause } = finding;
    if (mayCause === undefined) return finding;
    const isOff = failing.length > 0 && !failing.some(({ row }) => mayCause.includes(row.step));
    return isOff || isWell ? { ...finding, weight: "risk" } : finding;
  };
}

/** Along the way of a request; within a step what explains more stands first, what comes of others last. */
function byPlace(a: Finding, b: Finding): number {
  const [placeA, placeB] = [order.indexOf(a.row.step), order.indexOf(b.row.step)];
  const [lateA, lateB] = [Number(a.row.isConsequence ?? false), Number(b.row.isConsequence ?? false)];
  return (
    placeA - placeB || lateA - lateB || (b.because?.length ?? 0) - (a.because?.length ?? 0) || a.row.row - b.row.row
  );
}

function missingOf(needs: readonly (readonly EvidenceKind[])[], evidence: Evidence): readonly EvidenceKind[] {
  const gaps = needs.map((list) => list.filter((kind) => !has(evidence, kind)));
  return gaps.sort((a, b) => a.length - b.length)[0] ?? [];
}
