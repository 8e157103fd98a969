/** Row 57: the picker says itself that it has no pod for the request. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { isWellNow, weightOfShare } from "../logs/recovered.ts";
import { weightOfRefusals } from "../picker/picker-pages.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

/** By the picker's codes, and what each of them means. */
const codes: Readonly<Record<string, string>> = {
  no_pods: "it knows none",
  no_pod_left: "its own filters leave none",
  subset_empty: "the subset that the route allows leaves none",
  filter_empty: "the filter that the request names leaves none",
};

export const noPodKnown: Probe = {
  row: rows.noPodKnown,
  needs: [["access"], ["picker"], ["logs"]],
  look: (evidence): Sighting[] => {
    const { access } = evidence;
    const refused = access.filter(({ details }) => codeIn(details) !== "");
    const [line] = refused;
    const counted = evidence.picker?.samples.find(
      ({ name, labels, value }) => name === "pointsman_refusals_total" && value > 0 && (labels["code"] ?? "") in codes,
    );
    const [first, ...more] = [line, counted].flatMap((each): Quote[] => (each === undefined ? [] : [each.quote]));
    if (first === undefined) return ofLog(evidence);
    const code = line === undefined ? (counted?.labels["code"] ?? "") : codeIn(line.details);
    return [
      {
        weight: line === undefined ? weightOfRefusals(counted, evidence.picker) : weightOfShare(refused, access),
        object: "the picker",
        says: `the picker refused ${line === undefined ? counted?.value : `${refused.length} of ${access.length}`} requests for want of a pod: ${codes[code]}`,
        evidence: [first, ...more, ...listed(evidence)],
        values: { code },
      },
    ];
  },
};

/** A picker of another make has its own words for it, in its log alone. */
function ofLog({ logs, access }: Evidence): Sighting[] {
  const said = logs.findLast(({ sign }) => sign.name === "no-candidate-pods");
  if (said === undefined || isWellNow(access)) return [];
  const says = "the picker was asked, and found no pod among those that it knows, if it knows any";
  const values = { code: "no_pods" };
  return [{ weight: "fault", mayCause: ["stream"], object: "the picker", says, evidence: [said.quote], values }];
}

function codeIn(details: string): string {
  const code = details.startsWith("pointsman_") ? details.slice("pointsman_".length) : "";
  return code in codes ? code : "";
}

/** What its page of pods has, if that was given. */
function listed({ picker }: Evidence): Quote[] {
  const pods = picker?.pods ?? [];
  const reached = pods.filter((pod) => pod["reachable"] === true).length;
  return pods.length === 0
    ? []
    : [{ source: picker?.source ?? "", text: `${pods.length} pods are known, ${reached} of them reachable` }];
}
