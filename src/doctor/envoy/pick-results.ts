/** What became of picks: the clusters that live on them, the filters that ask for them, and the requests that found no host. */
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { isWithoutHost } from "../logs/answered-by.ts";
import type { Quote } from "../place.ts";
import type { Cluster, EnvoyConfig } from "./config-view.ts";
import { type Asker, type Link, linksOf, mostFailed } from "./links.ts";
import { holdsBodies } from "./read-filters.ts";
import { byWay, isOnPath, needsPick, requestPaths } from "./request-paths.ts";

export interface PickedCluster {
  readonly cluster: Cluster;
  readonly link: Link;
  readonly asker: Asker;
  /** Requests that found no host there. */
  readonly lost: readonly AccessLine[];
}

const known = new WeakMap<Evidence, readonly PickedCluster[]>();

/** Each cluster that takes its address from a pick, once for each filter that asks. */
export function pickedClusters(evidence: Evidence): readonly PickedCluster[] {
  const picked = known.get(evidence) ?? findPicked(evidence);
  known.set(evidence, picked);
  return picked;
}

function findPicked(evidence: Evidence): PickedCluster[] {
  const lostOn = byWay(evidence.access.filter((line) => isWithoutHost(line) && !wasBeforeFilter(line, evidence)));
  return linksOf(evidence).flatMap((link) =>
    link.askers
      .filter(({ isUpstream, extProc }) => !isUpstream && !extProc.isWatchingOnly)
      .flatMap((asker) => {
        const byName = new Map(asker.paths.flatMap(({ clusters }) => clusters).map((each) => [each.name, each]));
        return [...byName.values()].filter(needsPick).map((cluster) => {
          const paths = asker.paths.filter(({ clusters }) => clusters.includes(cluster));
          const lost = lostOn((line) => paths.some((path) => isOnPath(line, path)));
          return { cluster, link, asker, lost };
        });
      }),
  );
}

/** The picker was asked and answered, for the most part: what is wrong then is what it answered. */
export function isAnswered({ asker: { counters, extProc } }: PickedCluster): boolean {
  if (counters === undefined) return !extProc.failsOpen;
  return counters.received > 0 && counters.allowed * 2 < Math.max(counters.started, 1) && !mostFailed(counters);
}

/** By the counters alone: how many requests found no host, where that is the lot of most, and of such as were asked for. */
export function lostByCount({ cluster: { name }, asker }: PickedCluster, { stats }: Evidence): Quote | undefined {
  const none = stats?.ofCluster(name, "upstream_cx_none_healthy") ?? 0;
  // More than the filter has ever run for: they are of a time before it.
  if (none > (asker.counters?.started ?? none)) return undefined;
  const all = stats?.ofCluster(name, "upstream_rq_completed") ?? 0;
  return none > 0 && none * 2 >= all ? stats?.quoteOfCluster(name, "upstream_cx_none_healthy") : undefined;
}

/**
 * A request of a time when no filter ran for it, though one would now: a filter that takes bodies in waits for one before
 * a host is looked for, unless it fails open before that.
 */
export function wasBeforeFilter(line: AccessLine, evidence: Evidence): boolean {
  if (!isWithoutHost(line) || line.bytesReceived !== 0 || /^(GET|HEAD|OPTIONS|)$/.test(line.method)) return false;
  const { config } = evidence;
  return config !== undefined && holdsAll(line, config);
}

const held = new WeakMap<EnvoyConfig, Map<string, boolean>>();

/** On each way that the line may have taken. */
function holdsAll(line: AccessLine, config: EnvoyConfig): boolean {
  const ways = held.get(config) ?? new Map<string, boolean>();
  held.set(config, ways);
  const way = `${line.route}\n${line.upstreamCluster}`;
  const before = ways.get(way);
  if (before !== undefined) return before;
  const paths = requestPaths(config).filter((path) => isOnPath(line, path));
  const holds =
    paths.length > 0 &&
    paths.every(({ asking }) => asking.some(({ extProc }) => holdsBodies(extProc) && !extProc.failsOpen));
  ways.set(way, holds);
  return holds;
}
