/** Row 25: the ext_proc filter of a cluster fails every stream, behind the choice of the pod. */
import { rows } from "../catalogue/rows.ts";
import { type Asker, type Link, linksOf, mostFailed } from "../envoy/links.ts";
import { clusterCounter, type ExtProcCounters } from "../envoy/stats.ts";
import { streamErrors } from "../envoy/stream-errors.ts";
import { weightOfErrors } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const upstreamPhaseFails: Probe = {
  row: rows.upstreamPhaseFails,
  needs: [["stats"], ["config", "access"]],
  look: (evidence) => {
    const counted = (evidence.stats?.extProc() ?? []).filter(
      (counters) => counters.isUpstream && counters.received === 0 && mostFailed(counters),
    );
    return counted.length > 0 ? counted.flatMap((counters) => ofCounters(counters, evidence)) : ofLines(evidence);
  },
};

function ofCounters(counters: ExtProcCounters, evidence: Evidence): Sighting[] {
  const { started, failed, sent } = counters;
  const all = linksOf(evidence).flatMap((link) => link.askers.map((asker) => ({ link, asker })));
  const found = all.find(({ asker }) => asker.counters?.name === counters.name);
  const title = found?.asker.title ?? `the filter counted as ${counters.name}`;
  const server = found === undefined ? [] : ofServer(found.link, evidence);
  const error = streamErrors(evidence).find(({ line }) => line !== undefined && line.upstreamHost !== "");
  // A server that never answered is a fault of the link.
  const isAnswered = error === undefined ? found === undefined || server.length > 0 : error.kind === "ended";
  if (!isAnswered) return [];
  const says = `${title} failed ${failed} of ${started} streams: ${sent} messages sent, none received, and the pod was never asked`;
  const more: Quote[] = [
    counters.quote("streams_failed"),
    counters.quote("streams_started"),
    counters.quote("stream_msgs_received"),
    ...server,
    ...versionOf(evidence),
  ];
  const [first = counters.quote("streams_failed"), ...rest] = error === undefined ? more : [error.quote, ...more];
  const sighting: Sighting = {
    weight: "fault",
    object: title,
    says: error === undefined ? `${says}${dropped(evidence)}` : `${says} (${error.said})`,
    evidence: [first, ...rest],
    because: requestIdMissing(evidence),
    values: { counter: counters.name },
  };
  return [sighting];
}

/** The server itself says 200 and means an error: gRPC's status comes behind the head. */
function ofServer({ to }: Link, { stats }: Evidence): Quote[] {
  if (stats === undefined) return [];
  const counters = ["upstream_rq_200", "upstream_rq_tx_reset"].map((name) => clusterCounter(to, name));
  return counters.filter((name) => (stats.get(name) ?? 0) > 0).map((name) => stats.quote(name));
}

/** 1.36 was seen to pass such an answer on; 1.35 is reported not to. */
function dropped({ server }: Evidence): string {
  const [major = 0, minor = 0] = (server?.version ?? "").split(".").map(Number);
  const isOld = major === 1 && minor <= 35;
  return isOld ? `; Envoy ${server?.version} drops the answer that would say so, and the client waits` : "";
}

function versionOf({ server }: Evidence): Quote[] {
  return server === undefined ? [] : [{ source: server.source, text: `version: ${server.version}` }];
}

function requestIdMissing({ logs }: Evidence): Because[] {
  const said = logs.find(({ sign }) => sign.name === "no-request-id");
  return said === undefined ? [] : [{ says: said.sign.means, evidence: said.quote }];
}

/** Without counters: errors of a filter on requests whose host was chosen already. */
function ofLines(evidence: Evidence): Sighting[] {
  if (evidence.stats !== undefined) return [];
  const askers = linksOf(evidence).flatMap((link) => link.askers);
  const errors = streamErrors(evidence).filter(
    ({ kind, line }) => kind === "ended" && line !== undefined && line.upstreamHost !== "",
  );
  const [error] = errors;
  if (error?.line === undefined) return [];
  const asker: Asker | undefined = askers.find(({ isUpstream }) => isUpstream);
  const title = asker?.title ?? `an ext_proc filter of cluster ${error.line.upstreamCluster}`;
  return [
    {
      weight: weightOfErrors(errors, undefined, evidence),
      object: title,
      says: `${title} failed after the pod ${error.line.upstreamHost} was chosen: ${error.said}`,
      evidence: [error.quote, ...versionOf(evidence)],
      because: requestIdMissing(evidence),
      values: {},
    },
  ];
}
