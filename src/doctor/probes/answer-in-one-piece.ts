/** Row 33: a filter that holds answers until they are whole. */
import { rows } from "../catalogue/rows.ts";
import { optionOf } from "../envoy/links.ts";
import { requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Probe, Sighting } from "../probe.ts";

const HOLDING = ["BUFFERED", "BUFFERED_PARTIAL"];

export const answerInOnePiece: Probe = {
  row: rows.answerInOnePiece,
  needs: [["config"]],
  look: ({ config }) => {
    if (config === undefined) return [];
    return requestPaths(config).flatMap((path): Sighting[] => {
      const holding = path.asking.find(({ extProc }) => HOLDING.includes(extProc.modes.responseBody));
      if (holding === undefined) return [];
      const { filter, extProc } = holding;
      return [
        {
          weight: "fault",
          object: `filter ${filter.name}`,
          says: `filter ${filter.name} holds each answer on ${titleOf(path)} until it is whole: no token comes before the last`,
          evidence: [optionOf({ filter, extProc }, "processing_mode", "response_body_mode").quote()],
          values: { filter: filter.name },
        },
      ];
    });
  },
};
