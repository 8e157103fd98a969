/** Row 38: two pools in one rule, and one picker that is asked for both. */
import { rows } from "../catalogue/rows.ts";
import { needsPick, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import { titleOf as titleOfObject } from "../kube/kube-object.ts";
import { type PoolRef, poolRefsIn } from "../kube/pool-refs.ts";
import { isWithoutHost } from "../logs/answered-by.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";

export const poolsMixed: Probe = {
  row: rows.poolsMixed,
  needs: [["config"], ["objects"]],
  look: (evidence) => {
    const seen = ofConfig(evidence);
    return seen.length > 0 || evidence.config !== undefined ? seen : ofObjects(evidence);
  },
};

function ofConfig({ config, access }: Evidence): Sighting[] {
  if (config === undefined) return [];
  return requestPaths(config)
    .filter((path) => path.clusters.filter(needsPick).length > 1 && pickersOf(path).size === 1)
    .map((path) => {
      const names = path.clusters.map(({ name }) => name);
      const lost = access.filter((line) => isWithoutHost(line) && names.includes(line.upstreamCluster));
      const [picker = ""] = pickersOf(path);
      return {
        weight: weightOfLines(lost, access) === "fault" ? "fault" : "risk",
        object: titleOf(path),
        says: `${titleOf(path)} leads to ${names.join(" and ")}, and ${picker} is asked for both: the pods that it names are not in the other`,
        evidence: [
          path.route.at.at("route", "weighted_clusters").quote(),
          ...lost.slice(0, 1).map(({ quote }) => quote),
        ],
      };
    });
}

function pickersOf({ asking }: RequestPath): Set<string> {
  return new Set(asking.map(({ extProc }) => extProc.cluster));
}

/** Only Istio's way of doing it is known to mix them up. */
function ofObjects({ objects }: Evidence): Sighting[] {
  const isIstio = objects.some(
    ({ kind, at }) => kind === "Gateway" && at.at("spec", "gatewayClassName").text().startsWith("istio"),
  );
  if (!isIstio) return [];
  const byRule = Map.groupBy(poolRefsIn(objects), ({ route, rule }) => `${titleOfObject(route)} ${rule}`);
  return [...byRule.values()].flatMap((refs: readonly PoolRef[]): Sighting[] => {
    const [first, second] = refs;
    if (first === undefined || second === undefined) return [];
    return [
      {
        weight: "risk",
        object: titleOfObject(first.route),
        says: `rule ${first.rule + 1} of ${titleOfObject(first.route)} leads to the pools ${refs.map(({ name }) => name).join(" and ")}: Istio asks the picker of one for both`,
        evidence: [first.at.quote(), second.at.quote()],
      },
    ];
  });
}
