/** Between two looks: what was counted and logged since, so that a fault of before does not outlive its repair. */
import type { Source } from "./diagnose.ts";
import type { Host, Hosts } from "./envoy/hosts.ts";
import { Stats } from "./envoy/stats.ts";
import type { Evidence } from "./evidence.ts";
import type { Gathered } from "./gather/gather.ts";
import { beginsAsLog } from "./logs/prefix.ts";
import type { PickerPages } from "./picker/picker-pages.ts";

/** What stands at a value; the rest is counted. */
const GAUGE =
  /(_active|_open|_healthy|_total_match_count|membership_\w+|max_host_weight|remaining_\w+|_size|_buffered|state|live|uptime|version|concurrency|_allocated|_warming|warming_\w+|total_(listeners|clusters|connections|workers)\w*|active_clusters|\.active|_pending|hot_restart_\w+|_epoch|connected_state|seconds_until\w+|days_until\w+)$/;

/** Nothing that these count is a request of a client. */
const OWN = /^http\.(admin|async-client)\./;

export class Window {
  #texts: ReadonlyMap<string, string> = new Map();
  #stats: Stats | undefined;
  #hosts: Hosts | undefined;
  #picker: PickerPages | undefined;
  /** Of the last look between which and the one before there was a request: a verdict stands until there is another. */
  #kept: Pick<Evidence, "access" | "logs" | "stats" | "hosts" | "picker"> | undefined;

  next(gathered: Gathered, read: (gathered: Gathered) => Evidence): Evidence {
    const isFirst = this.#kept === undefined;
    const sources = gathered.sources.map((source) => ({ ...source, text: this.#newIn(source) }));
    const evidence = read({ ...gathered, sources: sources.filter(({ text }) => text !== "") });
    const changed: Evidence = {
      ...evidence,
      ...(evidence.stats !== undefined && { stats: statsSince(this.#stats, evidence.stats) }),
      ...(evidence.hosts !== undefined && { hosts: hostsSince(this.#hosts, evidence.hosts) }),
      ...(evidence.picker !== undefined && { picker: pickerSince(this.#picker, evidence.picker) }),
    };
    this.#texts = new Map(gathered.sources.map(({ name, text }) => [name, text]));
    this.#stats = evidence.stats ?? this.#stats;
    this.#hosts = evidence.hosts ?? this.#hosts;
    this.#picker = evidence.picker ?? this.#picker;
    const isMoving = isFirst || changed.access.length > 0 || requestsIn(changed.stats) > 0;
    if (isMoving || this.#kept === undefined) {
      this.#kept = kept(changed);
      return changed;
    }
    return { ...changed, ...this.#kept, logs: [...this.#kept.logs, ...changed.logs] };
  }

  /** Of a log what was added; of anything else the whole. */
  #newIn({ name, text }: Source): string {
    const before = this.#texts.get(name);
    if (before === undefined || before === "" || !isLog(text)) return text;
    if (text.startsWith(before)) return text.slice(before.length);
    // The file is read from its end: what was there has moved up.
    const tail = before.slice(-LONGEST_TAIL);
    const at = text.lastIndexOf(tail);
    return at === -1 ? text : text.slice(at + tail.length);
  }
}

const LONGEST_TAIL = 500;

/** Trees, pages and objects are whole each time: only lines with a time, or of JSON, grow. */
function isLog(text: string): boolean {
  const first = text.trimStart();
  return (
    beginsAsLog(first) ||
    (/^\{.*\}\s*$/m.test(first.split("\n", 1)[0] ?? "") && !/^\{"(configs|kind|apiVersion|stats|version)"/.test(first))
  );
}

function kept({ access, logs, stats, hosts, picker }: Evidence) {
  return {
    access,
    logs,
    ...(stats !== undefined && { stats }),
    ...(hosts !== undefined && { hosts }),
    ...(picker !== undefined && { picker }),
  };
}

function requestsIn(stats: Stats | undefined): number {
  if (stats === undefined) return 0;
  const names = [...stats.names()].filter((name) => /^http\..*\.downstream_rq_total$/.test(name) && !OWN.test(name));
  return names.reduce((sum, name) => sum + (stats.get(name) ?? 0), 0);
}

export function statsSince(before: Stats | undefined, now: Stats): Stats {
  if (before === undefined) return now;
  const values = [...now.names()].map((name): [string, number] => {
    const value = now.get(name) ?? 0;
    return [name, GAUGE.test(name) ? value : grown(before.get(name), value)];
  });
  return new Stats(new Map(values), now.source);
}

function hostsSince(before: Hosts | undefined, now: Hosts): Hosts {
  if (before === undefined) return now;
  return new Map(
    [...now].map(([cluster, hosts]) => {
      const old = new Map((before.get(cluster) ?? []).map((host) => [host.address, host]));
      return [cluster, hosts.map((host) => hostSince(old.get(host.address), host))];
    }),
  );
}

function hostSince(before: Host | undefined, now: Host): Host {
  if (before === undefined) return now;
  return {
    ...now,
    connectFailures: grown(before.connectFailures, now.connectFailures),
    errors: grown(before.errors, now.errors),
    successes: grown(before.successes, now.successes),
    connections: grown(before.connections, now.connections),
  };
}

function pickerSince(before: PickerPages | undefined, now: PickerPages): PickerPages {
  if (before === undefined) return now;
  const key = ({ name, labels }: PickerPages["samples"][number]) => `${name} ${JSON.stringify(labels)}`;
  const old = new Map(before.samples.map((sample) => [key(sample), sample.value]));
  const isCounted = (name: string) => /_(total|count|sum|bucket)$/.test(name);
  const samples = now.samples.map((sample) =>
    isCounted(sample.name) ? { ...sample, value: grown(old.get(key(sample)), sample.value) } : sample,
  );
  return { ...now, samples };
}

/** One that fell began anew: its process was restarted. */
function grown(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}
