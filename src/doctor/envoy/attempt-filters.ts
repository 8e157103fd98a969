/** The ext_proc filters of clusters' own chains, which run for each attempt. */
import type { EnvoyVersion, Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Cluster, ExtProc, Route } from "./config-view.ts";

export interface AttemptFilter {
  /** Such as: filter pointsman/attempt of cluster backends. */
  readonly title: string;
  readonly name: string;
  readonly extProc: ExtProc;
  readonly cluster: Cluster;
  /** All that lead to the cluster. */
  readonly routes: readonly Route[];
}

/** Those that only watch are left out: nobody waits for them, and nothing is made of their answers. */
export function attemptFilters({ config }: Evidence): AttemptFilter[] {
  if (config === undefined) return [];
  const routes = config.listeners.flatMap((listener) => listener.routes);
  return [...config.clusters.values()].flatMap((cluster) =>
    cluster.filters.flatMap(({ name, extProc, isDisabled }) => {
      if (extProc === undefined || extProc.isWatchingOnly || isDisabled) return [];
      const leading = routes.filter((route) => route.clusters.includes(cluster.name));
      return [{ title: `filter ${name} of cluster ${cluster.name}`, name, extProc, cluster, routes: leading }];
    }),
  );
}

/** Of Envoy 1.36.4 it is 36; undefined where no version is known, or another one than 1. */
export function minorOf(server: EnvoyVersion | undefined): number | undefined {
  const [major, minor] = (server?.version ?? "").split(".").map(Number);
  return major === 1 && minor !== undefined && Number.isInteger(minor) ? minor : undefined;
}

export function versionQuote({ version, source }: EnvoyVersion): Quote {
  return { source, text: `version: ${version}` };
}
