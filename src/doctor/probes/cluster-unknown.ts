/** Row 44: a filter that names a cluster Envoy does not have. */
import { rows } from "../catalogue/rows.ts";
import { type Link, linksOf, optionOf } from "../envoy/links.ts";
import { spareCluster } from "../envoy/spare-cluster.ts";
import { type StreamError, streamErrors } from "../envoy/stream-errors.ts";
import { weightOfErrors } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const clusterUnknown: Probe = {
  row: rows.clusterUnknown,
  needs: [["config"], ["access"], ["logs"]],
  look: (evidence) => (evidence.config === undefined ? ofErrors(evidence) : ofConfig(evidence)),
};

/** A dump that was cut to some part of the configuration may have no clusters at all: that says nothing. */
function ofConfig(evidence: Evidence): Sighting[] {
  const names = [...(evidence.config?.clusters.keys() ?? [])];
  if (names.length === 0) return [];
  return linksOf(evidence)
    .filter(({ cluster, to }) => cluster === undefined && to !== "")
    .flatMap((link) => link.askers.slice(0, 1).map((asker) => sighting(evidence, link, asker.title, names)));
}

function sighting(evidence: Evidence, link: Link, title: string, names: readonly string[]): Sighting {
  const said = errorsOf(evidence)[0]?.quote;
  const [asker] = link.askers;
  const named = asker === undefined ? undefined : optionOf(asker, "grpc_service", "envoy_grpc", "cluster_name").quote();
  const known = evidence.config === undefined ? "" : spareCluster(evidence.config);
  const there: Quote = { source: evidence.config?.source ?? "", text: `clusters: ${names.join(", ")}` };
  return {
    weight: link.isWatchedOnly ? "risk" : "fault",
    object: title,
    says: `${title} asks cluster ${link.to}, and Envoy has none of that name`,
    evidence: [said ?? named ?? there, ...(said !== undefined && named !== undefined ? [named] : []), there],
    values: { cluster: link.to, clusters: names.join(", "), filter: asker?.filter.name ?? "", known },
  };
}

function ofErrors(evidence: Evidence): Sighting[] {
  const errors = errorsOf(evidence);
  const [error] = errors;
  if (error === undefined) return [];
  const says = "the ext_proc filter asks a cluster that Envoy does not have";
  const weight = weightOfErrors(errors, undefined, evidence);
  return [{ weight, object: "an ext_proc filter", says, evidence: [error.quote] }];
}

function errorsOf(evidence: Evidence): StreamError[] {
  return streamErrors(evidence).filter(({ kind }) => kind === "noCluster");
}
