/** Row 45: Envoy 1.35.0 refused a filter that fails open and has duplex bodies. */
import { rows } from "../catalogue/rows.ts";
import { isOfFailOpen, refusals } from "../envoy/refusals.ts";
import type { Probe } from "../probe.ts";

export const failOpenDuplexRefused: Probe = {
  row: rows.failOpenDuplexRefused,
  needs: [["config"], ["logs"]],
  look: (evidence) =>
    refusals(evidence)
      .filter(isOfFailOpen)
      .map(({ of, weight, mayCause, quote }) => {
        const { server } = evidence;
        return {
          weight,
          ...(mayCause !== undefined && { mayCause }),
          object: of,
          says: `Envoy ${server?.version ?? ""} refused ${of}, for its filter fails open and has duplex bodies`.replace(
            "Envoy  ",
            "Envoy ",
          ),
          evidence: [
            quote,
            ...(server === undefined ? [] : [{ source: server.source, text: `version: ${server.version}` }]),
          ],
        };
      }),
};
