/** Row 5: the picker was asked and answered, and what it answered is no address that the cluster can use. */
import { rows } from "../catalogue/rows.ts";
import { isAnswered, lostByCount, type PickedCluster, pickedClusters } from "../envoy/pick-results.ts";
import type { Evidence } from "../evidence.ts";
import { isLikeOriginalDst, isWithoutHost } from "../logs/answered-by.ts";
import { isWellNow, weightOfLines } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { atMostRisk, weightOfCount } from "../weight.ts";

export const noDestination: Probe = {
  row: rows.noDestination,
  needs: [["config", "stats"], ["config", "access"], ["access"]],
  look: (evidence) =>
    evidence.config === undefined
      ? ofLines(evidence)
      : pickedClusters(evidence)
          .filter(({ cluster }) => cluster.addressHeader !== "")
          .flatMap((picked) => ofCluster(picked, evidence)),
};

function ofCluster(picked: PickedCluster, evidence: Evidence): Sighting[] {
  const { cluster, asker, lost } = picked;
  const { stats } = evidence;
  const counted = lostByCount(picked, evidence);
  // A header that Envoy did not let in is row 34.
  const isOther = !isAnswered(picked) || (asker.counters?.rejectedHeaders ?? 0) > 0;
  const invalid = stats?.ofCluster(cluster.name, "original_dst_host_invalid") ?? 0;
  if (isOther || (lost.length === 0 && counted === undefined && invalid === 0)) return [];
  const quotes: Quote[] = [
    ...lost.slice(0, 1).map(({ quote }) => quote),
    ...(invalid > 0 && stats !== undefined ? [stats.quoteOfCluster(cluster.name, "original_dst_host_invalid")] : []),
    ...(counted === undefined ? [] : [counted]),
    ...(asker.counters === undefined ? [] : [asker.counters.quote("stream_msgs_received")]),
  ];
  const [first = cluster.at.at("original_dst_lb_config").quote(), ...more] = quotes;
  const header = cluster.addressHeader;
  return [
    {
      weight:
        lost.length > 0 ? weightOfLines(lost, evidence.access) : weightByCount(invalid, counted, picked, evidence),
      object: `cluster ${cluster.name}`,
      says:
        invalid > 0
          ? `the picker answered, and ${invalid} times header ${header} held no address of one pod (several, or none of the form ip:port)`
          : `the picker answered, and cluster ${cluster.name} found no address in header ${header}`,
      evidence: [first, ...more, cluster.at.at("original_dst_lb_config").quote()],
      values: { header, cluster: cluster.name, picked: pickedInstead(header, evidence) },
    },
  ];
}

/** No line tells of it. An address that was none is a pick of the kind that may come again, whatever went well since. */
function weightByCount(
  invalid: number,
  lost: Quote | undefined,
  { asker }: PickedCluster,
  { access }: Evidence,
): Sighting["weight"] {
  if (lost !== undefined && !isWellNow(access)) return "fault";
  if (invalid === 0) return "past";
  const weight = weightOfCount(invalid, asker.counters?.started ?? 0);
  return isWellNow(access) ? atMostRisk(weight) : weight;
}

/** The header that the picker, asked for a pick, named its pod in; "" where it is the cluster's own. */
function pickedInstead(header: string, { live }: Evidence): string {
  const pick = live?.asked.find(({ question, isWell }) => question === "pick" && isWell);
  const [, name = ""] = /^one pick: ([\w-]+): /.exec(pick?.quote.text ?? "") ?? [];
  return name === header ? "" : name;
}

/** A filter that reads bodies took this one in: it ran, and no address came of it. */
function ofLines({ access, stats }: Evidence): Sighting[] {
  const lost = access.filter(
    (line) => isWithoutHost(line) && isLikeOriginalDst(line) && ((line.bytesReceived ?? 0) > 0 || isAsked(stats)),
  );
  const [line] = lost;
  // Those that passed the picker by had nobody to name an address.
  if (line === undefined || stats?.extProc().some(({ allowed, isUpstream }) => !isUpstream && allowed > 0)) return [];
  return [
    {
      weight: weightOfLines(lost, access),
      object: `cluster ${line.upstreamCluster}`,
      values: { cluster: line.upstreamCluster },
      says: `a filter took in the request's body, and the original-destination cluster ${line.upstreamCluster} got no address from it`,
      evidence: [line.quote],
    },
  ];
}

function isAsked(stats: Evidence["stats"]): boolean {
  return stats?.extProc().some(({ isUpstream, received }) => !isUpstream && received > 0) ?? false;
}
