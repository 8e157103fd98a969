/** Row 61: Envoy 1.36 ends where the filter of a cluster is shown an answer that is then tried again. */
import { rows } from "../catalogue/rows.ts";
import { attemptFilters, minorOf, versionQuote } from "../envoy/attempt-filters.ts";
import type { ExtProc } from "../envoy/config-view.ts";
import type { Probe } from "../probe.ts";

const ENDS = 36;

export const retriedAnswerCrash: Probe = {
  row: rows.retriedAnswerCrash,
  needs: [["config", "server"]],
  look: (evidence) => {
    const { server } = evidence;
    if (server === undefined || minorOf(server) !== ENDS) return [];
    return attemptFilters(evidence).flatMap(({ title, name, extProc, cluster, routes }) => {
      const retrying = routes.map(({ at }) => at.at("route", "retry_policy")).find(({ isThere }) => isThere);
      if (retrying === undefined || !seesAnswers(extProc)) return [];
      return [
        {
          weight: "risk" as const,
          object: title,
          says: `Envoy ${server.version} ends as soon as an answer that ${title} is shown is tried again`,
          evidence: [
            versionQuote(server),
            extProc.at.at("processing_mode").quote("is not there: headers of answers are sent"),
            retrying.quote(),
          ] as const,
          values: { filter: name, cluster: cluster.name },
        },
      ];
    });
  },
};

/** In duplex mode it was seen to go on. */
function seesAnswers({ modes }: ExtProc): boolean {
  if (modes.responseBody === "FULL_DUPLEX_STREAMED") return false;
  return modes.responseHeaders === "SEND" || modes.responseBody !== "NONE";
}
