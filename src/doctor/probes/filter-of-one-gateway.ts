/** Row 42: an EnvoyFilter that puts ext_proc into one gateway, and another gateway that leads to the same pods. */
import { rows } from "../catalogue/rows.ts";
import { needsPick, requestPaths } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import { type Unbound, unboundBy } from "../kube/gateway-bindings.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const filterOfOneGateway: Probe = {
  row: rows.filterOfOneGateway,
  needs: [["objects"]],
  look: (evidence) =>
    unboundBy(evidence.objects.filter(insertsExtProc), evidence.objects).map((unbound) =>
      unboundSighting(unbound, evidence),
    ),
};

/** Shared with row 51, which is the same of what changes a filter or of a policy. */
export function unboundSighting({ gateway, policy, peer, backend, isPicked }: Unbound, evidence: Evidence): Sighting {
  return {
    weight: isPicked ? "fault" : "risk",
    object: titleOf(policy),
    says: `${titleOf(policy)} holds for ${titleOf(peer)} and not for ${titleOf(gateway)}, which leads to ${backend} too`,
    evidence: [bindingOf(policy), { source: gateway.at.source, text: `${titleOf(gateway)} is not among them` }],
    because: bareListener(evidence),
    values: { object: titleOf(policy), gateway: `${gateway.namespace}/${gateway.name}` },
  };
}

function bindingOf({ at }: KubeObject): Quote {
  const spec = at.at("spec");
  const bound = [spec.at("workloadSelector"), spec.at("targetRefs"), spec.at("targetRef")].find((each) => each.isThere);
  return (bound ?? at.at("metadata", "namespace")).quote();
}

/** The configuration may be that of either gateway: in one of them it shows. */
function bareListener({ config }: Evidence): Because[] {
  if (config === undefined) return [];
  const path = requestPaths(config).find((each) => each.asking.length === 0 && each.clusters.some(needsPick));
  if (path === undefined) return [];
  const { at, filters, listener } = path.listener;
  const text = `${at.path}.http_filters: ${filters.map(({ name }) => name).join(", ")}`;
  return [{ says: `Listener ${listener} has no ext_proc filter.`, evidence: { source: at.source, text } }];
}

/** One that adds the filter: what replaces or merges needs one that is there. */
function insertsExtProc({ kind, at }: KubeObject): boolean {
  if (kind !== "EnvoyFilter") return false;
  return at
    .at("spec", "configPatches")
    .items()
    .some((each) => {
      const operation = each.at("patch", "operation").text();
      const isExtProc = JSON.stringify(each.at("patch", "value").value ?? {}).includes("ext_proc");
      return each.at("applyTo").text() === "HTTP_FILTER" && isExtProc && /^(INSERT|ADD)/.test(operation);
    });
}
