/** Row 9: Envoy waits for an answer before it sends the body, and the picker for the body before it answers. */
import { rows } from "../catalogue/rows.ts";
import { optionOf } from "../envoy/links.ts";
import { cannotWait, timeouts } from "../envoy/timeouts.ts";
import { nameOf, valuesOf } from "../envoy/troubles.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const deadlock: Probe = {
  row: rows.deadlock,
  needs: [["config", "stats"]],
  look: (evidence) =>
    timeouts(evidence)
      .filter(({ cause }) => cause === "deadlock")
      .map(({ link, asker, waitedMs, weight, quotes }): Sighting => {
        const { counters } = asker ?? {};
        const more: Quote[] = [
          ...(asker === undefined ? [] : [optionOf(asker, "processing_mode").quote()]),
          ...(counters === undefined
            ? []
            : [counters.quote("stream_msgs_sent"), counters.quote("stream_msgs_received")]),
        ];
        const title = asker?.title ?? "the ext_proc filter";
        return {
          weight,
          object: title,
          says:
            asker !== undefined && cannotWait(asker)
              ? `${title} sends bodies STREAMED: it waits ${waitedMs} ms for an answer to the headers, and the picker meanwhile for the body`
              : `the picker (${nameOf(link)}) took the headers and said nothing for ${waitedMs} ms: it waits for something it is not sent, or is stuck`,
          evidence: [...quotes, ...more],
          values: valuesOf(link),
        };
      }),
};
