/** Every way a request can take through an Envoy: listener, route, the filters that run there, and where it ends. */
import type { AccessLine } from "../logs/access-line.ts";
import type { Cluster, EnvoyConfig, ExtProc, FilterOnRoute, HttpListener, Route } from "./config-view.ts";
import { asksAnything, filterOnRoute } from "./read-filters.ts";

export interface RequestPath {
  readonly listener: HttpListener;
  readonly route: Route;
  /** In the order in which they run, the router and what stands behind it included. */
  readonly filters: readonly FilterOnRoute[];
  /** Those that ask anything of somebody and heed the answer, and run before the router. */
  readonly asking: readonly (FilterOnRoute & { readonly extProc: ExtProc })[];
  /** Those that are in the configuration; a name of one that is not is in the route. */
  readonly clusters: readonly Cluster[];
}

/** Nearly every probe asks, and there may be thousands. */
const known = new WeakMap<EnvoyConfig, readonly RequestPath[]>();

export function requestPaths(config: EnvoyConfig): readonly RequestPath[] {
  const before = known.get(config);
  if (before !== undefined) return before;
  const paths = config.listeners.flatMap((listener) => listener.routes.map((route) => pathOf(config, listener, route)));
  known.set(config, paths);
  return paths;
}

function pathOf({ clusters }: EnvoyConfig, listener: HttpListener, route: Route): RequestPath {
  const filters = listener.filters.map((filter) => filterOnRoute(filter, route));
  const end = filters.findIndex(({ filter }) => filter.kind === "Router");
  const before = end === -1 ? filters : filters.slice(0, end);
  return {
    listener,
    route,
    filters,
    asking: before.flatMap((each) => {
      const { extProc, isOn } = each;
      const isAsking = extProc !== undefined && isOn && !extProc.isWatchingOnly && asksAnything(extProc.modes);
      return isAsking ? [{ ...each, extProc }] : [];
    }),
    clusters: route.clusters.flatMap((name) => clusters.get(name) ?? []),
  };
}

/** Did the request of this line take it? By the name of the route where both have one, else by the cluster. */
export function isOnPath({ route: name, upstreamCluster }: AccessLine, { route }: RequestPath): boolean {
  if (name !== "" && route.name !== "") return name === route.name;
  return upstreamCluster === "" || route.clusters.includes(upstreamCluster);
}

/** Lines that took the same ways, together: there are many of them, and few ways. In the order of the log. */
export function byWay(lines: readonly AccessLine[]): (isThere: (line: AccessLine) => boolean) => readonly AccessLine[] {
  const groups = [...Map.groupBy(lines, ({ route, upstreamCluster }) => `${route}\n${upstreamCluster}`).values()];
  return (isThere) => {
    const found = groups.filter(([first]) => first !== undefined && isThere(first));
    if (found.length < 2) return found[0] ?? [];
    const all = new Set(found.flat());
    return lines.filter((line) => all.has(line));
  };
}

/** Does it need an address from a filter: is it of no use, or at random, without one? */
export function needsPick(cluster: Cluster): boolean {
  return cluster.addressHeader !== "" || cluster.overrideSources.length > 0;
}

/** As the report names it: `route original_route (any path and header routing-strategy) of listener http`. */
export function titleOf({ listener, route }: Pick<RequestPath, "listener" | "route">): string {
  const name = route.name === "" ? "" : ` ${route.name}`;
  return `route${name} (${route.match}) of listener ${listener.listener}`;
}
