/** Row 35: a filter that lets the picker change the mode, in a mode that cannot be changed; or one that must let it and does not. */
import { rows } from "../catalogue/rows.ts";
import type { ExtProc } from "../envoy/config-view.ts";
import { type Asker, linksOf, optionOf } from "../envoy/links.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const overrideIgnored: Probe = {
  row: rows.overrideIgnored,
  needs: [["config"]],
  look: (evidence) =>
    linksOf(evidence)
      .flatMap(({ askers }) => askers)
      .flatMap((asker): Sighting[] => {
        const [says, quote] = contradictionOf(asker) ?? [];
        if (says === undefined || quote === undefined) return [];
        const { filter, title } = asker;
        return [
          {
            // Nothing counts what was asked for in vain.
            weight: "risk",
            object: title,
            says: `${title} ${says}`,
            evidence: [quote, optionOf(asker, "processing_mode").quote()],
            values: { filter: filter.name },
          },
        ];
      }),
};

function contradictionOf(asker: Asker): [string, Quote] | undefined {
  const { extProc, filter, isUpstream } = asker;
  const { allowsModeOverride } = extProc;
  const allowed = optionOf(asker, "allow_mode_override");
  if (allowsModeOverride && isDuplex(extProc)) {
    return ["allows mode_override, which Envoy ignores with duplex bodies", allowed.quote()];
  }
  if (allowsModeOverride && extProc.sendsBodyAtOnce) {
    const early = optionOf(asker, "send_body_without_waiting_for_header_response");
    return ["allows mode_override, which Envoy ignores where bodies are sent at once", early.quote()];
  }
  // Its server asks for STREAMED answers where a request wants events: without the permission they come in one lump.
  const isOfAiGateway = filter.name.endsWith("/aigateway") && !isUpstream;
  if (isOfAiGateway && !allowsModeOverride && extProc.modes.responseBody === "BUFFERED") {
    return ["belongs to a server that streams by mode_override, and does not allow it", allowed.quote()];
  }
  return undefined;
}

function isDuplex({ modes }: ExtProc): boolean {
  return modes.requestBody === "FULL_DUPLEX_STREAMED" || modes.responseBody === "FULL_DUPLEX_STREAMED";
}
