/** Tables of routes, in the order in which Envoy tries them. */
import type { Place } from "../place.ts";
import type { Route } from "./config-view.ts";

const DEFAULT_TIMEOUT_MS = 15_000;

export function readRoutes(table: Place): Route[] {
  return table
    .at("virtual_hosts")
    .items()
    .flatMap((host) =>
      host
        .at("routes")
        .items()
        .map((at) => readRoute(at, host, table)),
    );
}

function readRoute(at: Place, host: Place, table: Place): Route {
  const action = at.at("route");
  return {
    name: at.at("name").text(),
    host: host.at("name").text(),
    domains: host.at("domains").texts(),
    match: wordsOf(at.at("match")),
    matchAt: at.at("match"),
    clusters: clustersOf(action),
    clusterHeader: action.at("cluster_header").text(),
    direct: at.at("direct_response", "status").number(),
    timeoutMs: action.at("timeout").milliseconds() ?? DEFAULT_TIMEOUT_MS,
    idleTimeoutMs: action.at("idle_timeout").milliseconds(),
    prefixRewrite: action.at("prefix_rewrite").text() || action.at("regex_rewrite", "substitution").text(),
    overrides: new Map(
      [table, host, ...action.at("weighted_clusters", "clusters").items(), at].flatMap((place) =>
        place.at("typed_per_filter_config").entries(),
      ),
    ),
    at,
  };
}

function clustersOf(action: Place): string[] {
  const weighted = action.at("weighted_clusters", "clusters").items();
  const all = [action.at("cluster"), ...weighted.map((each) => each.at("name"))];
  return all.map((name) => name.text()).filter(Boolean);
}

/** A match as a person would say it. */
function wordsOf(match: Place): string {
  const paths = [
    ["prefix", (text: string) => `${text}*`],
    ["path", (text: string) => text],
    ["path_separated_prefix", (text: string) => `${text}/*`],
  ] as const;
  const path = paths.map(([key, show]) => (match.at(key).isThere ? show(match.at(key).text()) : "")).find(Boolean);
  const regex = match.at("safe_regex", "regex");
  const headers = match
    .at("headers")
    .items()
    .map((header) => `header ${header.at("name").text()}`);
  return [path ?? (regex.isThere ? `/${regex.text()}/` : "any path"), ...headers].join(" and ");
}
