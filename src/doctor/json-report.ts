/** The verdict for programs: stable names, everything that the printed report has. */
import type { Evidence, EvidenceKind } from "./evidence.ts";
import { evidenceKinds, has } from "./evidence.ts";
import { expectOf, fixOf } from "./fix.ts";
import { checklistOf } from "./layers.ts";
import { limitsOf } from "./limits.ts";
import { noVerdict, outcomeOf } from "./outcome.ts";
import { unexplained } from "./unexplained.ts";
import type { Finding, Verdict } from "./verdict.ts";

/** Raised when a field changes its meaning or goes; new fields may come at any time. */
const FORMAT = 1;

function kindsIn(evidence: Evidence): EvidenceKind[] {
  return (Object.keys(evidenceKinds) as EvidenceKind[]).filter((kind) => has(evidence, kind));
}

export function jsonReportOf(verdict: Verdict, evidence: Evidence): Readonly<Record<string, unknown>> {
  const { first, also, risks, notChecked, ruledOut } = verdict;
  return {
    format: FORMAT,
    outcome: outcomeOf(verdict, evidence),
    first: first === undefined ? null : told(first),
    unexplained: first === undefined ? (unexplained(evidence) ?? null) : null,
    noVerdict: noVerdict(verdict, evidence)?.says ?? null,
    also: also.map(told),
    risks: risks.map(told),
    layers: checklistOf(verdict, evidence),
    limits: evidence.config === undefined ? {} : limitsOf(evidence.config),
    noise: evidence.logs
      .filter(({ sign }) => sign.isNoise)
      .map(({ sign, quote }) => ({ says: sign.means, evidence: quote })),
    inputs: kindsIn(evidence),
    asked: evidence.live?.asked ?? [],
    ruledOut: ruledOut.map(({ row }) => row),
    notChecked: notChecked.map(({ row, missing }) => ({ row: row.row, name: row.name, missing })),
    unread: evidence.unread,
  };
}

function told(finding: Finding): Readonly<Record<string, unknown>> {
  const { row, object, says, evidence, because = [] } = finding;
  const { row: number, name, step, layer } = row;
  return {
    ...{ row: number, name, step, layer, object, says, evidence, because },
    fix: fixOf(finding),
    expect: expectOf(finding),
  };
}
