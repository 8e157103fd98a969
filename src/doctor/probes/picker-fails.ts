/** Row 55: the picker took the stream and ended it with an error of its own. */
import { rows } from "../catalogue/rows.ts";
import type { Link } from "../envoy/links.ts";
import { clusterCounter, type Stats } from "../envoy/stats.ts";
import { streamErrors } from "../envoy/stream-errors.ts";
import { nameOf, type Trouble, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe } from "../probe.ts";

export const pickerFails: Probe = {
  row: rows.pickerFails,
  needs: [["access"], ["config", "stats"], ["logs"]],
  look: (evidence) =>
    troubles(evidence, ["ended"], telltale)
      .filter((trouble) => isOfPicker(trouble, evidence))
      .map(({ link, error, weight, quotes }) => ({
        weight,
        object: `the picker behind ${nameOf(link)}`,
        says:
          error === undefined
            ? `the picker behind ${nameOf(link)} answers every stream with an error of its own; its log or the access log has the words`
            : `the picker behind ${nameOf(link)} ended the stream: ${error.said}`,
        evidence: quotes,
        values: valuesOf(link),
      })),
};

/** HTTP's head says 200, gRPC's trailers an error, and no message came between the two. */
function telltale({ to, askers }: Link, stats: Stats): Quote | undefined {
  const isUnanswered = askers.some(
    ({ counters }) => counters !== undefined && counters.failed > 0 && counters.received === 0,
  );
  const name = clusterCounter(to, "upstream_rq_200");
  return isUnanswered && (stats.get(name) ?? 0) > 0 ? stats.quote(name) : undefined;
}

/** The filter of a cluster has a row of its own, and where there are words they say which error it was. */
function isOfPicker({ link, error }: Trouble, evidence: Evidence): boolean {
  if (link?.askers.every(({ isUpstream }) => isUpstream) === true || error?.line?.upstreamHost) return false;
  // What a server says in HTTP/1.1 is no error of a stream.
  if (link?.cluster?.speaksHttp2 === false) return false;
  return error !== undefined || streamErrors(evidence).length === 0;
}
