/** Row 22: an update of the configuration that Envoy refused. */
import { rows } from "../catalogue/rows.ts";
import { isOfFailOpen, refusals } from "../envoy/refusals.ts";
import type { Probe, Sighting } from "../probe.ts";

export const updateRefused: Probe = {
  row: rows.updateRefused,
  needs: [["config"], ["logs"]],
  look: (evidence) =>
    refusals(evidence)
      .filter((refusal) => !isOfFailOpen(refusal))
      .map(({ of, details, weight, mayCause, quote }): Sighting => {
        const says = weight === "fault" ? "and what was there before stays in force" : "once at least";
        return {
          weight,
          ...(mayCause !== undefined && { mayCause }),
          object: of,
          says: `Envoy refused ${of}${details === "" ? "" : ` (${details.slice(0, 160)})`}, ${says}`,
          evidence: [quote],
          ...(details !== "" && { values: { details } }),
        };
      }),
};
