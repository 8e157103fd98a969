/** Failures that counters alone tell of: streams to the picker, and answers with 5xx, that no row of the catalogue fits. */
import { badOf, linksOf, mostFailed } from "./envoy/links.ts";
import { requestPaths } from "./envoy/request-paths.ts";
import type { ExtProcCounters, Stats } from "./envoy/stats.ts";
import { inStatNames } from "./envoy/stats.ts";
import type { Evidence } from "./evidence.ts";
import { isWellNow } from "./logs/recovered.ts";
import type { Quote } from "./place.ts";
import { FEW, weightOfCount } from "./weight.ts";

export interface CountedFailure {
  readonly says: string;
  readonly evidence: Quote;
}

/** So many requests that went well tell more of now than counters do, which know no time. */
const ENOUGH = 20;

export function countedFailure(evidence: Evidence): CountedFailure | undefined {
  const { stats, access, live } = evidence;
  const isAnswered = live?.asked.some(({ question, isWell }) => question === "request" && isWell);
  if (stats === undefined || isAnswered === true || isWellNow(access, ENOUGH)) return undefined;
  return failedStreams(evidence) ?? failedAnswers(stats, evidence);
}

/** Of the filters that ask a picker, the one whose streams fail for the most part. */
export function failingCounters(evidence: Evidence): ExtProcCounters | undefined {
  const { config, stats } = evidence;
  const links = linksOf(evidence).filter(({ isWatchedOnly }) => !isWatchedOnly);
  const ofLinks = links.flatMap(({ askers }) => askers.flatMap(({ counters }) => counters ?? []));
  const all = config === undefined ? (stats?.extProc() ?? []) : ofLinks;
  return all.find((counters) => badOf(counters) >= FEW && mostFailed(counters));
}

function failedStreams(evidence: Evidence): CountedFailure | undefined {
  const counters = failingCounters(evidence);
  if (counters === undefined) return undefined;
  const bad = badOf(counters);
  const all = Math.max(counters.started, bad);
  const says = `${bad} of ${all} streams to the picker came to nothing, by the counters of Envoy`;
  return { says: says + besides(evidence), evidence: counters.quote(mostOf(counters)) };
}

function mostOf({ failed, timeouts, spurious }: ExtProcCounters): string {
  if (failed >= timeouts && failed >= spurious) return "streams_failed";
  return timeouts >= spurious ? "message_timeouts" : "spurious_msgs_received";
}

const ANSWERS = /^http\.(.+)\.downstream_rq_5xx$/;

function failedAnswers(stats: Stats, evidence: Evidence): CountedFailure | undefined {
  const { config } = evidence;
  const asking = config === undefined ? [] : requestPaths(config).filter((path) => path.asking.length > 0);
  const prefixes = new Set(asking.map(({ listener }) => inStatNames(listener.statPrefix)));
  for (const name of stats.names()) {
    const [, prefix = ""] = ANSWERS.exec(name) ?? [];
    if (prefix === "" || prefix === "admin" || (prefixes.size > 0 && !prefixes.has(prefix))) continue;
    const bad = stats.get(name) ?? 0;
    const all = stats.get(`http.${prefix}.downstream_rq_completed`) ?? stats.get(`http.${prefix}.downstream_rq_total`);
    if (bad < FEW || all === undefined || weightOfCount(bad, all) !== "fault") continue;
    const says = `${bad} of ${all} requests were answered with 5xx, by the counters of Envoy`;
    return { says: says + besides(evidence), evidence: stats.quote(name) };
  }
  return undefined;
}

const TELLING = [
  "upstream_cx_connect_fail",
  "upstream_cx_connect_timeout",
  "ssl.connection_error",
  "upstream_cx_none_healthy",
  "upstream_rq_pending_overflow",
  "upstream_rq_timeout",
  "upstream_rq_5xx",
] as const;
const MOST_TOLD = 2;

/** The counters of the clusters on the way that are the highest: they say where to look. */
function besides(evidence: Evidence): string {
  const { config, stats } = evidence;
  const ends = config === undefined ? [] : requestPaths(config).flatMap(({ clusters }) => clusters);
  const names = new Set([...linksOf(evidence).map(({ to }) => to), ...ends.map(({ name }) => name)]);
  const counts = [...names].flatMap((name) =>
    TELLING.map((counter) => ({ words: `cluster.${name}.${counter}`, count: stats?.ofCluster(name, counter) ?? 0 })),
  );
  const told = counts.filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count);
  const words = told.slice(0, MOST_TOLD).map(({ words: counter, count }) => `${counter}: ${count}`);
  return words.length === 0 ? "" : ` (beside it ${words.join(", ")})`;
}
