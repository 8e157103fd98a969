/** Row 6: a cluster with a list of hosts, which is empty or has nobody healthy on it. */
import { rows } from "../catalogue/rows.ts";
import type { Cluster } from "../envoy/config-view.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import { clusterCounter } from "../envoy/stats.ts";
import type { Evidence } from "../evidence.ts";
import { titleOf } from "../kube/kube-object.ts";
import { podTroubles, serviceOf } from "../kube/picker-service.ts";
import { isWithoutHost } from "../logs/answered-by.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

/** Names that gateways give to clusters of listed endpoints. */
const LISTED = /^(outbound\||httproute\/|grpcroute\/|kube_)|inference-?pool|_ip_|-ip-[0-9a-f]{8}\b/;

export const noEndpoints: Probe = {
  row: rows.noEndpoints,
  needs: [["config", "stats"], ["config", "hosts"], ["access"]],
  look: (evidence) => (evidence.config === undefined ? ofLines(evidence) : ofConfig(evidence)),
};

function ofConfig(evidence: Evidence): Sighting[] {
  const { config, access } = evidence;
  if (config === undefined) return [];
  const clusters = new Map(requestPaths(config).flatMap(({ clusters: all }) => all.map((each) => [each.name, each])));
  return [...clusters.values()]
    .filter(({ type }) => type !== "ORIGINAL_DST")
    .flatMap((cluster): Sighting[] => {
      const empty = emptinessOf(cluster, evidence);
      if (empty === undefined) return [];
      const lost = access.filter((line) => isWithoutHost(line) && line.upstreamCluster === cluster.name);
      const [line] = lost;
      const counted = (evidence.stats?.ofCluster(cluster.name, "upstream_cx_none_healthy") ?? 0) > 0;
      const isMet = lost.length > 0 ? weightOfLines(lost, access) === "fault" : counted && access.length === 0;
      return [
        {
          weight: isMet ? "fault" : "risk",
          object: `cluster ${cluster.name}`,
          says: `cluster ${cluster.name} ${empty.says}`,
          evidence: line === undefined ? [empty.quote] : [line.quote, empty.quote],
          because: reasons(cluster.name, cluster.endpoints, evidence),
          values: { cluster: cluster.name },
        },
      ];
    });
}

/** By the gauges of now, else by the list of hosts. */
function emptinessOf({ name }: Cluster, { stats, hosts }: Evidence): { says: string; quote: Quote } | undefined {
  const gauge = (of: string) => stats?.get(clusterCounter(name, of));
  if (stats !== undefined && gauge("membership_total") === 0)
    return { says: "has no endpoint at all", quote: stats.quoteOfCluster(name, "membership_total") };
  const listed = hosts?.get(name);
  const ill = listed?.find(({ ailments }) => ailments !== "");
  if (stats !== undefined && gauge("membership_healthy") === 0)
    return {
      says: `has ${gauge("membership_total")} endpoints and none healthy${ill === undefined ? "" : ` (${ill.ailments})`}`,
      quote: ill?.quote ?? stats.quoteOfCluster(name, "membership_healthy"),
    };
  if (stats !== undefined || listed === undefined) return undefined;
  if (ill !== undefined && listed.every(({ ailments }) => ailments !== ""))
    return { says: `has ${listed.length} endpoints and none healthy (${ill.ailments})`, quote: ill.quote };
  return undefined;
}

/** The Service, its pods, and on GKE the policy without which every probe fails. */
function reasons(name: string, endpoints: readonly string[], { objects }: Evidence): Because[] {
  const service = serviceOf({ to: name, cluster: { endpoints } }, objects);
  const ofPods = service === undefined ? [] : podTroubles(service, objects);
  const policy = objects
    .filter(({ kind }) => kind === "HealthCheckPolicy" || kind === "GCPBackendPolicy")
    .flatMap((object) =>
      object.at
        .at("status", "conditions")
        .items()
        .filter((at) => at.at("type").text() === "Attached" && at.at("status").text() === "False")
        .map((at) => ({ says: `${titleOf(object)} is not attached.`, evidence: at.at("message").quote() })),
    );
  return [...ofPods, ...policy];
}

/** The name has to say that the cluster has a list: one of original destinations fails in the same words. */
function ofLines(evidence: Evidence): Sighting[] {
  const { access, stats } = evidence;
  const lost = access.filter((line) => isWithoutHost(line) && LISTED.test(line.upstreamCluster));
  const [line] = lost;
  if (line === undefined) return [];
  const gauges = ["membership_total", "membership_healthy"].map((of) => clusterCounter(line.upstreamCluster, of));
  const zero = gauges.filter((name) => stats?.get(name) === 0);
  return [
    {
      weight: weightOfLines(lost, access),
      object: `cluster ${line.upstreamCluster}`,
      says: `cluster ${line.upstreamCluster} has no endpoint, or none that is healthy`,
      evidence: [line.quote, ...zero.slice(0, 1).flatMap((name) => (stats === undefined ? [] : [stats.quote(name)]))],
      because: reasons(line.upstreamCluster, [], evidence),
      values: { cluster: line.upstreamCluster },
    },
  ];
}
