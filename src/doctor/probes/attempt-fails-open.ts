/** Row 62: the filter of a cluster fails open, so that an attempt may go out with somebody else's key. */
import { rows } from "../catalogue/rows.ts";
import { attemptFilters } from "../envoy/attempt-filters.ts";
import type { Probe } from "../probe.ts";

export const attemptFailsOpen: Probe = {
  row: rows.attemptFailsOpen,
  needs: [["config"]],
  look: (evidence) =>
    attemptFilters(evidence)
      .filter(({ extProc }) => extProc.failsOpen)
      .map(({ title, name, extProc, cluster }) => ({
        weight: "risk",
        object: title,
        says: `${title} fails open: without the picker an attempt goes out with the key that its headers happen to have`,
        evidence: [extProc.at.at("failure_mode_allow").quote()],
        values: { filter: name, cluster: cluster.name },
      })),
};
