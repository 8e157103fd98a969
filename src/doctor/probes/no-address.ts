/** Row 49: a Gateway that has no address. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { gatewayNameOf, leadsToPods } from "../kube/gateway-bindings.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import { quoteOf, refusalsIn, wordsOf } from "../kube/refusals.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const noAddress: Probe = {
  row: rows.noAddress,
  needs: [["objects"]],
  look: (evidence: Evidence) =>
    evidence.objects.filter(isUnreached).map((gateway): Sighting => {
      const service = evidence.objects.find(
        (object) => object.kind === "Service" && gatewayNameOf(object) === gateway.name,
      );
      const pending = service !== undefined && isPending(service) ? service : undefined;
      return {
        // Somebody found a way in: a port-forward, or a node's port.
        weight: isReached(evidence) || !isOnWay(gateway, evidence.objects) ? "risk" : "fault",
        object: titleOf(gateway),
        says: `${titleOf(gateway)} has no address${pending === undefined ? "" : `: nobody gave one to ${titleOf(pending)}`}`,
        evidence: [gateway.at.at("status", "addresses").quote()],
        because: pending === undefined ? refused(gateway) : loadBalancer(pending),
        ...(service !== undefined && { values: { service: `${service.name} -n ${service.namespace}` } }),
      };
    }),
};

function loadBalancer(pending: KubeObject): Because[] {
  const evidence = pending.at.at("status", "loadBalancer", "ingress").quote();
  return [{ says: "Its load balancer is pending.", evidence }];
}

/** What the controller itself says of it. */
function refused(gateway: KubeObject): Because[] {
  return refusalsIn([gateway])
    .slice(0, 1)
    .map((refusal) => ({ says: `It has ${wordsOf(refusal)}`, evidence: quoteOf(refusal) }));
}

function isReached({ access, stats }: Evidence): boolean {
  const counted = [...(stats?.names() ?? [])].filter((name) => /^http\.(?!admin\b).*\.downstream_rq_total$/.test(name));
  return access.length > 0 || counted.some((name) => (stats?.get(name) ?? 0) > 0);
}

/** Other teams' gateways are their affair; where none is known to lead to a picker, it is one of several that have addresses. */
function isOnWay(gateway: KubeObject, objects: readonly KubeObject[]): boolean {
  const all = objects.filter(({ kind, group }) => kind === "Gateway" && group === "gateway.networking.k8s.io");
  const leading = all.filter((each) => leadsToPods(each, objects));
  return leading.length > 0 ? leading.includes(gateway) : all.every(isUnreached);
}

/** One that a controller has taken up; a file that was written by hand says nothing of its status. */
function isUnreached({ kind, group, at }: KubeObject): boolean {
  if (kind !== "Gateway" || group !== "gateway.networking.k8s.io") return false;
  const status = at.at("status");
  return status.at("conditions").items().length > 0 && status.at("addresses").items().length === 0;
}

function isPending({ at }: KubeObject): boolean {
  const isBalanced = at.at("spec", "type").text() === "LoadBalancer";
  return isBalanced && at.at("status", "loadBalancer", "ingress").items().length === 0;
}
