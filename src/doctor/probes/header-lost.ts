/** Row 34: headers that the picker sets, and Envoy does not let it set. */
import { rows } from "../catalogue/rows.ts";
import { linksOf, optionOf } from "../envoy/links.ts";
import { lostByCount, pickedClusters } from "../envoy/pick-results.ts";
import type { ExtProcCounters } from "../envoy/stats.ts";
import type { Evidence } from "../evidence.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";
import { atMostRisk, weightOfCount } from "../weight.ts";

export const headerLost: Probe = {
  row: rows.headerLost,
  needs: [["stats"]],
  look: (evidence) =>
    (evidence.stats?.extProc() ?? [])
      .filter(({ rejectedHeaders }) => rejectedHeaders > 0)
      .map((counters) => ofFilter(counters, evidence)),
};

function ofFilter(counters: ExtProcCounters, evidence: Evidence): Sighting {
  const askers = linksOf(evidence).flatMap((link) => link.askers);
  const asker = askers.find((each) => each.counters?.name === counters.name);
  const title = asker?.title ?? `the filter counted as ${counters.name}`;
  // What it costs shows where the address was among them.
  const picked = pickedClusters(evidence).filter((each) => each.asker.counters?.name === counters.name);
  const lost = picked.flatMap((each) => each.lost);
  const counted = picked.map((each) => lostByCount(each, evidence)).find(Boolean);
  const isMet = lost.length > 0 ? weightOfLines(lost, evidence.access) === "fault" : counted !== undefined;
  const rules = asker === undefined ? [] : [optionOf(asker, "mutation_rules").quote("is not there: Envoy's own rules")];
  return {
    weight: isMet ? "fault" : atMostRisk(weightOfCount(counters.rejectedHeaders, counters.received)),
    object: title,
    says: `${counters.rejectedHeaders} times ${title} did not take a header that the picker set${isMet ? ", and requests are without an address" : ""}`,
    evidence: [
      counters.quote("rejected_header_mutations"),
      ...lost.slice(0, 1).map(({ quote }) => quote),
      ...(counted === undefined ? [] : [counted]),
      ...rules,
    ],
    values: { filter: asker?.filter.name ?? counters.name },
  };
}
