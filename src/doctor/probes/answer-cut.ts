/** Row 32: a timeout for the whole answer, which long answers do not keep. */
import { rows } from "../catalogue/rows.ts";
import { isOnPath, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Stats } from "../envoy/stats.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Place, Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { weightOfCount } from "../weight.ts";

/** A whole answer of a long prompt may take longer than that. */
const SHORT_MS = 120_000;

export const answerCut: Probe = {
  row: rows.answerCut,
  needs: [["access"], ["config"]],
  look: (evidence) => {
    const met = ofLines(evidence);
    return met.length > 0 ? met : ofConfig(evidence);
  },
};

function ofLines({ access, config }: Evidence): Sighting[] {
  const cut = access.filter(isCut);
  const [line] = cut;
  if (line === undefined) return [];
  const path = config === undefined ? undefined : requestPaths(config).find((each) => isOnPath(line, each));
  const durations = cut.map(({ durationMs }) => durationMs ?? Number.POSITIVE_INFINITY);
  const shortest = durations.reduce((least, each) => Math.min(least, each));
  const after = Number.isFinite(shortest) ? ` after ${(shortest / 1000).toFixed(1)} s` : "";
  const isIdle = line.details === "stream_idle_timeout";
  return [
    {
      weight: weightOfLines(cut, access),
      object: path === undefined ? `route ${line.route || "(not named)"}` : titleOf(path),
      says: `${cut.length} of ${access.length} answers were cut off${after}: ${isIdle ? "the stream was silent for longer than its idle timeout" : "the route's timeout is for the whole answer"}`,
      evidence: [line.quote, ...(path === undefined ? [] : [said(path, isIdle)])],
      values: { route: path === undefined ? line.route || "the route" : titleOf(path) },
    },
  ];
}

/** UT is the route's timeout, DT that of the listener, SI silence: the answer had begun, or was yet to come. */
function isCut({ flags, details }: AccessLine): boolean {
  const timeouts = ["response_timeout", "upstream_response_timeout", "max_duration_timeout", "stream_idle_timeout"];
  return timeouts.includes(details) || flags.split(",").some((flag) => ["UT", "DT", "SI"].includes(flag));
}

function said({ route, listener }: RequestPath, isIdle: boolean): Quote {
  const own: Place = route.at.at("route", isIdle ? "idle_timeout" : "timeout");
  if (!isIdle || own.isThere) return own.quote("is not there: 15 s");
  return listener.at.at("stream_idle_timeout").quote("is not there: 300 s");
}

/** By the counters a whole answer took too long; by the configuration it will. */
function ofConfig({ config, stats, access }: Evidence): Sighting[] {
  if (config === undefined) return [];
  return requestPaths(config)
    .filter(({ asking, route }) => asking.length > 0 && route.direct === undefined)
    .filter(({ route }) => route.timeoutMs > 0 && route.timeoutMs <= SHORT_MS)
    .slice(0, 1)
    .map((path): Sighting => {
      const { route } = path;
      const [late] = route.clusters.filter((name) => (stats?.ofCluster(name, "upstream_rq_timeout") ?? 0) > 0);
      const counted = late === undefined ? undefined : stats?.quoteOfCluster(late, "upstream_rq_timeout");
      const timeout = route.at.at("route", "timeout").quote("is not there: 15 s");
      return {
        weight: late !== undefined && access.length === 0 && isLot(late, stats) ? "fault" : "risk",
        object: titleOf(path),
        says: `${titleOf(path)} gives a whole answer ${route.timeoutMs / 1000} s: longer ones are cut off`,
        evidence: counted === undefined ? [timeout] : [counted, timeout],
        values: { route: titleOf(path) },
      };
    });
}

function isLot(cluster: string, stats: Stats | undefined): boolean {
  const count = (name: string) => stats?.ofCluster(cluster, name) ?? 0;
  return weightOfCount(count("upstream_rq_timeout"), count("upstream_rq_completed")) === "fault";
}
