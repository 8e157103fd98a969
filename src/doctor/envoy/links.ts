/** The links from Envoy to its pickers: a cluster each, the filters that ask over it, and what was counted of them. */
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import type { Place } from "../place.ts";
import type { Cluster, EnvoyConfig, ExtProc, HttpFilter, HttpListener } from "./config-view.ts";
import type { Host } from "./hosts.ts";
import { asksAnything, filterOnRoute } from "./read-filters.ts";
import { isOnPath, type RequestPath, requestPaths } from "./request-paths.ts";
import { clusterCounter, type ExtProcCounters, inStatNames, type Stats } from "./stats.ts";

/** One filter that asks over a link; on some routes it may do so in another way than on others. */
export interface Asker {
  /** Such as: filter envoy.filters.http.ext_proc of listener requests. */
  readonly title: string;
  readonly filter: HttpFilter;
  readonly extProc: ExtProc;
  /** It runs in a cluster, behind the choice of the host. */
  readonly isUpstream: boolean;
  readonly counters: ExtProcCounters | undefined;
  readonly paths: readonly RequestPath[];
}

export interface Link {
  /** The name of the cluster. */
  readonly to: string;
  /** Absent where Envoy has none of that name. */
  readonly cluster: Cluster | undefined;
  readonly hosts: readonly Host[];
  readonly askers: readonly Asker[];
  /** The gauge of now: none of its hosts is healthy, or there is none. */
  readonly isDown: boolean;
  /** No request waits for it: its filters only watch. */
  readonly isWatchedOnly: boolean;
}

/** Many probes ask for the same: the evidence does not change meanwhile. */
const found = new WeakMap<Evidence, Link[]>();

export function linksOf(evidence: Evidence): Link[] {
  const links = found.get(evidence) ?? readLinks(evidence);
  found.set(evidence, links);
  return links;
}

function readLinks({ config, stats, hosts }: Evidence): Link[] {
  if (config === undefined) return [];
  const byCluster = new Map<string, Asker[]>();
  for (const asker of askersOf(config, stats)) {
    const { cluster } = asker.extProc;
    byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), asker]);
  }
  return [...byCluster].map(([to, askers]) => ({
    to,
    cluster: config.clusters.get(to),
    hosts: hosts?.get(to) ?? [],
    askers,
    isDown: ["membership_total", "membership_healthy"].some((gauge) => stats?.get(clusterCounter(to, gauge)) === 0),
    isWatchedOnly: askers.every(({ extProc }) => extProc.isWatchingOnly),
  }));
}

/** Where an option of a filter is said: by the route, where it has its say on it, else by the filter itself. */
export function optionOf({ extProc, filter }: Pick<Asker, "extProc" | "filter">, ...keys: string[]): Place {
  const here = extProc.at.at(...keys);
  return here.isThere ? here : (filter.extProc?.at ?? extProc.at).at(...keys);
}

/** Most streams of one of its filters came to nothing, or the next will; what failed once in a while is no reason for a verdict. */
export function isFailing({ askers, isDown }: Link): boolean {
  return isDown || askers.some(({ counters }) => counters !== undefined && mostFailed(counters));
}

/** By the counters the picker is there for Envoy, wherever else somebody has looked for it. */
export function answersEnvoy(evidence: Evidence): boolean {
  return linksOf(evidence).some(
    (link) => !isFailing(link) && link.askers.some(({ counters }) => (counters?.received ?? 0) > 0),
  );
}

export function mostFailed(counters: ExtProcCounters): boolean {
  // Where there is no host or no connection to be had a stream fails without having been started.
  const bad = badOf(counters);
  return bad > 0 && bad * 2 >= Math.max(counters.started, bad);
}

/** Streams that came to nothing, in any way that is counted. */
export function badOf({ failed, timeouts, spurious }: ExtProcCounters): number {
  return failed + timeouts + spurious;
}

/** The links that a request took, as its access line tells; all of them where it does not. */
export function linksOfLine(links: readonly Link[], line: AccessLine | undefined): readonly Link[] {
  if (line === undefined || links.length < 2) return links;
  const taken = links.filter(({ askers }) => askers.some(({ paths }) => paths.some((path) => isOnPath(line, path))));
  // A host was chosen already: what failed then runs behind the choice.
  const behind = line.upstreamHost !== "";
  const fit = taken.filter(({ askers }) => askers.some(({ isUpstream }) => isUpstream === behind));
  return [fit, taken, links].find((some) => some.length > 0) ?? [];
}

function askersOf(config: EnvoyConfig, stats: Stats | undefined): Asker[] {
  const askers = new Map<string, Asker>();
  const add = (key: string, asker: Asker) => {
    const known = askers.get(key);
    askers.set(key, { ...asker, paths: [...(known?.paths ?? []), ...asker.paths] });
  };
  for (const path of requestPaths(config)) {
    const { listener, filters, clusters } = path;
    for (const { filter, isOn, extProc } of filters) {
      if (extProc === undefined || !isOn || !asksAnything(extProc.modes)) continue;
      const title = `filter ${filter.name} of listener ${listener.listener}`;
      const counters = countersOf(stats, [`http.${listener.statPrefix}.ext_proc`], extProc);
      const key = `${listener.listener} ${filter.name} ${extProc.at.path}`;
      add(key, { title, filter, extProc, isUpstream: false, counters, paths: [path] });
    }
    for (const cluster of clusters) for (const asker of askersOfCluster(cluster, path, stats)) add(asker.title, asker);
  }
  return [
    ...askers.values(),
    ...config.listeners.filter(hasNoRoutes).flatMap((each) => ofUnroutedListener(each, stats)),
  ];
}

function askersOfCluster({ name, filters }: Cluster, path: RequestPath, stats: Stats | undefined): Asker[] {
  return filters.flatMap((each): Asker[] => {
    // A route has its say on the filters of its cluster too.
    const { filter, isOn, extProc } = filterOnRoute(each, path.route);
    if (extProc === undefined || !isOn || !asksAnything(extProc.modes)) return [];
    // Envoys differ in where they put the dot, and in whether they say the name once.
    const names = [`cluster.${name}.ext_proc`, `cluster.${name}ext_proc`, `cluster.${name}.cluster.${name}ext_proc`];
    const title = `filter ${filter.name} of cluster ${name}`;
    return [{ title, filter, extProc, isUpstream: true, counters: countersOf(stats, names, extProc), paths: [path] }];
  });
}

function hasNoRoutes({ routes }: HttpListener): boolean {
  return routes.length === 0;
}

/** Without its routes it is not known what they change: the filters are taken as they stand. */
function ofUnroutedListener({ listener, statPrefix, filters }: HttpListener, stats: Stats | undefined): Asker[] {
  return filters.flatMap((filter) => {
    const { extProc } = filter;
    if (extProc === undefined || filter.isDisabled || !asksAnything(extProc.modes)) return [];
    const counters = countersOf(stats, [`http.${statPrefix}.ext_proc`], extProc);
    return [
      {
        title: `filter ${filter.name} of listener ${listener}`,
        filter,
        extProc,
        isUpstream: false,
        counters,
        paths: [],
      },
    ];
  });
}

function countersOf(stats: Stats | undefined, prefixes: readonly string[], { statPrefix }: ExtProc) {
  const names = prefixes.map((prefix) => inStatNames(statPrefix === "" ? prefix : `${prefix}.${statPrefix}`));
  return stats?.extProc().find(({ name }) => names.includes(name));
}
