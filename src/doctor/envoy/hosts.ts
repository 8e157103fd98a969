/** What the admin port says of the clusters' hosts: their addresses, health and connections. */
import { isRecord, Place, type Quote } from "../place.ts";
import { shownAddress } from "./read-clusters.ts";
import { snakeKeys } from "./snake-keys.ts";

export interface Host {
  readonly cluster: string;
  readonly address: string;
  /** Every reason against it, as Envoy writes them: `/failed_active_hc`; "" for a healthy one. */
  readonly ailments: string;
  readonly connectFailures: number;
  readonly errors: number;
  readonly successes: number;
  readonly connections: number;
  readonly active: number;
  readonly quote: Quote;
}

/** By cluster; a cluster without hosts has an empty list. */
export type Hosts = ReadonlyMap<string, readonly Host[]>;

/** /clusters as text, or with format=json. */
export function readHosts(text: string, source: string): Hosts {
  return /^\s*\{/.test(text) ? ofJson(JSON.parse(text), source) : ofText(text, source);
}

function ofText(text: string, source: string): Hosts {
  const clusters = new Map<string, Map<string, Map<string, string>>>();
  for (const line of text.split("\n")) {
    const [cluster, ...rest] = line.split("::");
    if (cluster === undefined || rest.length < 2) continue;
    const hosts = clusters.get(cluster) ?? new Map<string, Map<string, string>>();
    clusters.set(cluster, hosts);
    // An address of IPv6 has colons of its own: what is counted stands in the last two parts.
    const [key = "", value = ""] = rest.slice(-2);
    const address = rest.slice(0, -2).join("::");
    if (!/:\d+$|^\//.test(address)) continue;
    const facts = hosts.get(address) ?? new Map<string, string>();
    hosts.set(address, facts.set(key, value));
  }
  return new Map(
    [...clusters].map(([cluster, hosts]) => [
      cluster,
      [...hosts].map(([address, facts]) => hostOf(cluster, address, facts, source)),
    ]),
  );
}

function hostOf(cluster: string, address: string, facts: ReadonlyMap<string, string>, source: string): Host {
  const count = (name: string) => Number(facts.get(name) ?? 0);
  const health = facts.get("health_flags") ?? "healthy";
  const text = `${cluster}::${address}::health_flags::${health}, cx_connect_fail::${count("cx_connect_fail")}, rq_error::${count("rq_error")}`;
  return {
    cluster,
    address,
    ailments: health === "healthy" ? "" : health,
    connectFailures: count("cx_connect_fail"),
    errors: count("rq_error"),
    successes: count("rq_success"),
    connections: count("cx_total"),
    active: count("rq_active"),
    quote: { source, text },
  };
}

function ofJson(tree: unknown, source: string): Hosts {
  const root = new Place(snakeKeys(tree), source);
  return new Map(
    root
      .at("cluster_statuses")
      .items()
      .map((status) => {
        const cluster = status.at("name").text();
        const hosts = status.at("host_statuses").items();
        return [cluster, hosts.map((host) => hostOf(cluster, shownAddress(host.at("address")), factsOf(host), source))];
      }),
  );
}

function factsOf(host: Place): Map<string, string> {
  const stats = host.at("stats").items();
  const facts = new Map(stats.map((stat) => [stat.at("name").text(), stat.at("value").text() || "0"]));
  const flags = host
    .at("health_status")
    .entries()
    .filter(([name, { value }]) => value === true && !isRecord(value) && name !== "eds_health_status")
    .map(([name]) => `/${name}`);
  const eds = host.at("health_status", "eds_health_status").text();
  if (eds !== "" && eds !== "HEALTHY" && eds !== "UNKNOWN") flags.push(`/eds_${eds.toLowerCase()}`);
  return facts.set("health_flags", flags.join("") || "healthy");
}
