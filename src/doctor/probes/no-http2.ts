/** Row 15: the picker's cluster is not told to speak HTTP/2. */
import { rows } from "../catalogue/rows.ts";
import { linksOf } from "../envoy/links.ts";
import { streamErrors } from "../envoy/stream-errors.ts";
import { valuesOf, weightOfErrors } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import { heardAmiss } from "../picker/heard.ts";
import type { Probe, Sighting } from "../probe.ts";

export const noHttp2: Probe = {
  row: rows.noHttp2,
  needs: [["config"], ["access"], ["logs"]],
  look: (evidence) => (evidence.config === undefined ? ofErrors(evidence) : ofConfig(evidence)),
};

function ofConfig(evidence: Evidence): Sighting[] {
  return linksOf(evidence).flatMap((link): Sighting[] => {
    const { cluster, to } = link;
    if (cluster === undefined || cluster.speaksHttp2) return [];
    const options = cluster.at.at("typed_extension_protocol_options");
    const missing = options.quote("is not there: Envoy speaks HTTP/1.1");
    const said = streamErrors(evidence).find(({ kind }) => kind === "protocol");
    return [
      {
        weight: link.isWatchedOnly ? "risk" : "fault",
        object: `cluster ${to}`,
        says: `cluster ${to} leads to the picker and speaks HTTP/1.1, which no gRPC server understands`,
        evidence: said === undefined ? [missing] : [said.quote, missing],
        because: heardAmiss(evidence, "http1"),
        values: valuesOf(link),
      },
    ];
  });
}

/** Without the cluster the words of Envoy are the same for a port that speaks HTTP/1.1: the picker's own word decides. */
function ofErrors(evidence: Evidence): Sighting[] {
  const errors = streamErrors(evidence).filter(({ kind }) => kind === "protocol");
  const [said] = errors;
  const [heard] = heardAmiss(evidence, "http1");
  const quote = said?.quote ?? heard?.evidence;
  if (quote === undefined) return [];
  return [
    {
      ...(said === undefined
        ? { weight: "fault", mayCause: ["link"] }
        : { weight: weightOfErrors(errors, undefined, evidence) }),
      object: "the picker's cluster",
      says: "Envoy and the picker's port do not speak the same HTTP: most often the cluster lacks http2_protocol_options",
      evidence: heard === undefined || said === undefined ? [quote] : [quote, heard.evidence],
    },
  ];
}
