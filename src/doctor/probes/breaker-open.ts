/** Row 54: more requests at once than the breaker of the picker's cluster lets through. */
import { rows } from "../catalogue/rows.ts";
import type { Link } from "../envoy/links.ts";
import { clusterCounter, type Stats } from "../envoy/stats.ts";
import { nameOf, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { weightOfCount } from "../weight.ts";

const overflows = ["upstream_rq_active_overflow", "upstream_rq_pending_overflow"] as const;

export const breakerOpen: Probe = {
  row: rows.breakerOpen,
  needs: [["access"], ["config", "stats"], ["logs"]],
  look: (evidence) =>
    troubles(evidence, ["overflow"], telltale, "is a risk").map(({ link, error, weight, quotes }) => {
      const limit = limitOf(link, evidence);
      return {
        weight: error === undefined && weight !== "past" ? weightOfOverflows(link, evidence) : weight,
        object: `breaker of ${nameOf(link)}`,
        says: `more requests at once than the breaker of ${nameOf(link)} lets to the picker${limit === "" ? "" : `: ${limit}`}`,
        evidence:
          link?.cluster === undefined
            ? quotes
            : [...quotes, link.cluster.at.at("circuit_breakers", "thresholds").quote("is not there: 1024 of each")],
        values: valuesOf(link),
      };
    }),
};

function telltale({ to }: Link, stats: Stats): Quote | undefined {
  const name = overflows.find((counter) => stats.ofCluster(to, counter) > 0);
  return name === undefined ? undefined : stats.quoteOfCluster(to, name);
}

/** Each overflow is a request that failed, or went past the picker: what counts is how many of them there are. */
function weightOfOverflows(link: Link | undefined, { stats }: Evidence): Sighting["weight"] {
  const counters = (link?.askers ?? []).flatMap((asker) => asker.counters ?? []);
  if (stats === undefined || link?.isWatchedOnly !== false || counters.every(({ failed }) => failed === 0))
    return "risk";
  const overflown = Math.max(...overflows.map((counter) => stats.ofCluster(link.to, counter)));
  return weightOfCount(overflown, Math.max(...counters.map(({ started }) => started)));
}

/** By the counter that rose, the limit behind it. */
function limitOf(link: Link | undefined, { stats }: Evidence): string {
  if (link?.cluster === undefined || stats === undefined) return "";
  const { breakers, name } = link.cluster;
  const ofRequests = `max_requests ${breakers.maxRequests}`;
  const ofPending = `max_pending_requests ${breakers.maxPendingRequests}`;
  const [active, pending] = overflows.map((counter) => stats.get(clusterCounter(name, counter)));
  if ((active ?? 0) > 0) return ofRequests;
  if ((pending ?? 0) === 0) return "";
  // Old Envoys have one counter for both limits.
  if (active !== undefined) return ofPending;
  return breakers.maxRequests <= breakers.maxPendingRequests ? ofRequests : ofPending;
}
