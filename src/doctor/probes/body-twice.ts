/** Row 21: a picker that took the end of a body twice. */
import { rows } from "../catalogue/rows.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import type { Probe, Sighting } from "../probe.ts";

export const bodyTwice: Probe = {
  row: rows.bodyTwice,
  needs: [["logs"]],
  look: ({ logs, config, server }): Sighting[] => {
    const [said] = logs.filter(({ sign }) => sign.name === "json-twice");
    const duplex = (config === undefined ? [] : requestPaths(config))
      .flatMap(({ asking }) => asking)
      .find(({ extProc }) => extProc.modes.requestBody === "FULL_DUPLEX_STREAMED");
    // A client may send nonsense too: where bodies do not go in duplex it did.
    if (said === undefined || (config !== undefined && duplex === undefined)) return [];
    return [
      {
        weight: "fault",
        mayCause: ["body"],
        object: "the picker",
        says: `the picker read more than the body: it took the end of a body twice${server === undefined ? "" : `, which Envoy ${server.version} may send twice`}`,
        evidence: [
          said.quote,
          ...(duplex === undefined ? [] : [duplex.extProc.at.at("processing_mode", "request_body_mode").quote()]),
        ],
      },
    ];
  },
};
