/** Row 23: requests pass the picker by, for the filter fails open. */
import { rows } from "../catalogue/rows.ts";
import { linksOf, optionOf } from "../envoy/links.ts";
import type { ExtProcCounters } from "../envoy/stats.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { weightOfCount } from "../weight.ts";

/** Now and then is what failing open is for. */
const MOST = 1 / 2;

export const bypassed: Probe = {
  row: rows.bypassed,
  needs: [["stats"]],
  look: (evidence) =>
    (evidence.stats?.extProc() ?? [])
      .filter(({ allowed }) => allowed > 0)
      .flatMap((counters) => ofFilter(counters, evidence)),
};

function ofFilter(counters: ExtProcCounters, evidence: Evidence): Sighting[] {
  const askers = linksOf(evidence).flatMap((link) => link.askers);
  const asker = askers.find((each) => each.counters?.name === counters.name);
  // One that only watches has nothing to be passed by for.
  if (asker?.extProc.isWatchingOnly === true) return [];
  const { allowed, failed, timeouts, started } = counters;
  const all = Math.max(started, failed + timeouts, allowed);
  const title = asker?.title ?? `the filter counted as ${counters.name}`;
  const open = asker === undefined ? undefined : optionOf(asker, "failure_mode_allow");
  const more: Quote[] = [counters.quote("streams_failed"), ...(open?.isThere === true ? [open.quote()] : [])];
  return [
    {
      weight: weightOfCount(allowed, all, MOST),
      object: title,
      says: `${allowed} of ${all} requests went past the picker: ${title} fails open, and its streams fail`,
      evidence: [counters.quote("failure_mode_allowed"), ...more],
      values: { filter: asker?.filter.name ?? counters.name },
    },
  ];
}
