/** Envoy's counters, from any of the forms of /stats; what an ext_proc filter counted, by instance. */
import { isRecord, type Quote } from "../place.ts";

/** What one ext_proc filter counted: all routes of its listener together, or all clusters of one name. */
export interface ExtProcCounters {
  /** What stands before the counters' own names: `http.requests.ext_proc.pointsman`. */
  readonly name: string;
  /** It runs in a cluster, once for every attempt. */
  readonly isUpstream: boolean;
  readonly started: number;
  readonly failed: number;
  readonly sent: number;
  readonly received: number;
  readonly timeouts: number;
  readonly allowed: number;
  readonly spurious: number;
  readonly rejectedHeaders: number;
  readonly routeCacheIgnored: number;
  readonly routeCacheDisabled: number;
  readonly immediateIgnored: number;
  readonly quote: (counter: string) => Quote;
}

const EXT_PROC = /^(.*?)\.?(ext_proc(?:\.[^.]+)?)\.streams_started$/;

export class Stats {
  readonly source: string;
  readonly #values: ReadonlyMap<string, number>;
  #extProc: readonly ExtProcCounters[] | undefined;

  constructor(values: ReadonlyMap<string, number>, source: string) {
    this.#values = values;
    this.source = source;
  }

  get(name: string): number | undefined {
    return this.#values.get(name);
  }

  names(): Iterable<string> {
    return this.#values.keys();
  }

  quote(name: string): Quote {
    const value = this.#values.get(name);
    return { source: this.source, text: value === undefined ? `${name} is not counted` : `${name}: ${value}` };
  }

  /** Of a cluster: `upstream_cx_connect_fail` of `picker`. */
  ofCluster(cluster: string, counter: string): number {
    return this.#values.get(clusterCounter(cluster, counter)) ?? 0;
  }

  quoteOfCluster(cluster: string, counter: string): Quote {
    return this.quote(clusterCounter(cluster, counter));
  }

  /**
   * A filter of a cluster stands without the dot that others have, `cluster.podsext_proc.streams_started`, with the name
   * twice, `cluster.pods.cluster.podsext_proc...`, or as one would expect: Envoys differ.
   */
  extProc(): readonly ExtProcCounters[] {
    this.#extProc ??= this.#readExtProc();
    return this.#extProc;
  }

  #readExtProc(): ExtProcCounters[] {
    return [...this.#values.keys()].flatMap((name) => {
      const [, before, own] = EXT_PROC.exec(name) ?? [];
      return before === undefined || own === undefined ? [] : [this.#countersOf(name, before)];
    });
  }

  #countersOf(first: string, before: string): ExtProcCounters {
    const name = first.slice(0, -".streams_started".length);
    const count = (counter: string) => this.#values.get(`${name}.${counter}`) ?? 0;
    return {
      name,
      isUpstream: before.startsWith("cluster."),
      started: count("streams_started"),
      failed: count("streams_failed"),
      sent: count("stream_msgs_sent"),
      received: count("stream_msgs_received"),
      timeouts: count("message_timeouts"),
      allowed: count("failure_mode_allowed"),
      spurious: count("spurious_msgs_received"),
      rejectedHeaders: count("rejected_header_mutations"),
      routeCacheIgnored: count("clear_route_cache_ignored"),
      routeCacheDisabled: count("clear_route_cache_disabled"),
      immediateIgnored: count("send_immediate_resp_upstream_ignored"),
      quote: (counter) => this.quote(`${name}.${counter}`),
    };
  }
}

export function clusterCounter(cluster: string, counter: string): string {
  return inStatNames(`cluster.${cluster}.${counter}`);
}

/** In the names of counters every colon is an underscore. */
export function inStatNames(name: string): string {
  return name.replaceAll(":", "_");
}

/** `name: value` a line, or the JSON of /stats?format=json. Histograms are left out. */
export function readStats(text: string, source: string): Stats {
  const values = new Map<string, number>();
  if (/^\s*\{/.test(text)) {
    const tree: unknown = JSON.parse(text);
    const all = isRecord(tree) && Array.isArray(tree["stats"]) ? tree["stats"] : [];
    for (const each of all) {
      if (isRecord(each) && typeof each["name"] === "string") values.set(each["name"], Number(each["value"]));
    }
    return new Stats(values, source);
  }
  for (const line of text.split("\n")) {
    const [, name, value] = /^(\S.*): (-?\d+)\s*$/.exec(line) ?? [];
    if (name !== undefined) values.set(name, Number(value));
  }
  return new Stats(values, source);
}
