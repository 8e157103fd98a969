/** A dump of Envoy's configuration, or the file it was started with -> the view the doctor has of it. */
import { Place } from "../place.ts";
import type { Cluster, EnvoyConfig, HttpListener, Rejected } from "./config-view.ts";
import { DEFAULT_BUFFER_LIMIT, readCluster, shownAddress } from "./read-clusters.ts";
import { kindOf, readFilter } from "./read-filters.ts";
import { readRoutes } from "./read-routes.ts";
import { snakeKeys } from "./snake-keys.ts";

const DEFAULT_STREAM_IDLE_MS = 300_000;

interface Parts {
  readonly listeners: Place[];
  readonly tables: Place[];
  readonly clusters: Place[];
  /** Of filters that a listener has by name alone: its own subscription brings them. */
  readonly filters: Place[];
  readonly rejected: Rejected[];
}

/** `tree` is config_dump of the admin port, or a bootstrap with static_resources; keys in snake or camel case. */
export function readConfig(tree: unknown, source: string): EnvoyConfig {
  const root = new Place(snakeKeys(tree), source);
  const parts = root.at("static_resources").isThere ? ofBootstrap(root) : ofDump(root);
  const tables = new Map(parts.tables.map((table) => [table.at("name").text(), table]));
  const clusters = new Map<string, Cluster>();
  for (const at of parts.clusters) {
    const cluster = readCluster(at);
    clusters.set(cluster.name, cluster);
  }
  const filters = new Map(parts.filters.map((filter) => [filter.at("name").text(), filter.at("typed_config")]));
  const listeners = parts.listeners.flatMap((listener) => readListener(listener, tables, filters));
  return { listeners, clusters, rejected: parts.rejected, source };
}

function ofBootstrap(root: Place): Parts {
  const statics = root.at("static_resources");
  return {
    listeners: statics.at("listeners").items(),
    tables: [],
    clusters: statics.at("clusters").items(),
    filters: [],
    rejected: [],
  };
}

function ofDump(root: Place): Parts {
  const parts: Parts = { listeners: [], tables: [], clusters: [], filters: [], rejected: [] };
  for (const config of root.at("configs").items()) {
    const kind = kindOf(config);
    if (kind === "ListenersConfigDump") addListeners(config, parts);
    if (kind === "RoutesConfigDump") addRoutes(config, parts);
    if (kind === "ClustersConfigDump") addClusters(config, parts);
    if (kind === "EcdsConfigDump") {
      parts.filters.push(
        ...config
          .at("ecds_filters")
          .items()
          .map((entry) => entry.at("ecds_filter")),
      );
    }
  }
  return parts;
}

function addListeners(config: Place, { listeners, rejected }: Parts): void {
  for (const entry of config.at("static_listeners").items()) listeners.push(entry.at("listener"));
  for (const entry of config.at("dynamic_listeners").items()) {
    // What drains or warms beside one that is active takes no requests.
    const active = entry.at("active_state", "listener");
    if (active.isThere) listeners.push(active);
    noteRejected(entry, "listener", entry.at("name").text(), rejected);
  }
}

function addRoutes(config: Place, { tables, rejected }: Parts): void {
  for (const key of ["static_route_configs", "dynamic_route_configs"]) {
    for (const entry of config.at(key).items()) {
      const table = entry.at("route_config");
      if (table.isThere) tables.push(table);
      noteRejected(entry, "route", table.at("name").text(), rejected);
    }
  }
}

function addClusters(config: Place, { clusters, rejected }: Parts): void {
  for (const key of ["static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"]) {
    for (const entry of config.at(key).items()) {
      const cluster = entry.at("cluster");
      // One that warms for the first time is known, and used by nobody yet; one that is known already is in force as it was.
      if (cluster.isThere && key !== "dynamic_warming_clusters") clusters.push(cluster);
      noteRejected(entry, "cluster", cluster.at("name").text(), rejected);
    }
  }
}

function noteRejected(entry: Place, kind: Rejected["kind"], name: string, rejected: Rejected[]): void {
  const error = entry.at("error_state");
  if (!error.isThere) return;
  const failed = error.at("failed_configuration", "name").text();
  rejected.push({ kind, name: name || failed, details: error.at("details").text(), at: error.at("details") });
}

type ByName = ReadonlyMap<string, Place>;

function readListener(at: Place, tables: ByName, discovered: ByName): HttpListener[] {
  const chains = [...at.at("filter_chains").items(), at.at("default_filter_chain")].filter((chain) => chain.isThere);
  const managers = chains
    .flatMap((chain) => chain.at("filters").items())
    .map((filter) => filter.at("typed_config"))
    .filter((config) => kindOf(config) === "HttpConnectionManager");
  return managers.map((manager) => {
    const inline = manager.at("route_config");
    const byName = manager.at("rds", "route_config_name").text();
    const table = inline.isThere ? inline : tables.get(byName);
    return {
      listener: at.at("name").text(),
      address: shownAddress(at.at("address")),
      statPrefix: manager.at("stat_prefix").text(),
      filters: manager
        .at("http_filters")
        .items()
        .map((filter) => readFilter(filter, discovered)),
      routes: table === undefined ? [] : readRoutes(table),
      bufferLimit: at.at("per_connection_buffer_limit_bytes").number() ?? DEFAULT_BUFFER_LIMIT,
      streamIdleMs: manager.at("stream_idle_timeout").milliseconds() ?? DEFAULT_STREAM_IDLE_MS,
      missingRoutes: table === undefined ? byName : "",
      at: manager,
    };
  });
}
