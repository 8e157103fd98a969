/** Row 48: the pods of a gateway do not run. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { backendsOf, gatewayNameOf, leadsToPods } from "../kube/gateway-bindings.ts";
import { conditionsOf, type KubeObject, titleOf } from "../kube/kube-object.ts";
import { podTrouble } from "../kube/picker-service.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const gatewayDown: Probe = {
  row: rows.gatewayDown,
  needs: [["objects"]],
  look: ({ objects }: Evidence): Sighting[] => {
    const byGateway = Map.groupBy(objects.filter(isOfGateway), (pod) => `${pod.namespace}/${gatewayNameOf(pod)}`);
    return [...byGateway].flatMap(([gateway, pods]): Sighting[] => {
      const ill = pods.map((pod) => ({ pod, trouble: podTrouble(pod)[0] })).filter(({ trouble }) => trouble);
      const [first] = ill;
      if (first?.trouble === undefined) return [];
      const { pod, trouble } = first;
      return [
        {
          weight: ill.length === pods.length && !isOthers(gateway, objects) ? "fault" : "risk",
          object: titleOf(pod),
          says: `${ill.length} of ${pods.length} pods of gateway ${gateway} do not run: ${trouble.says}`,
          evidence: [trouble.evidence],
          because: nodeTrouble(pod, objects),
          values: { pod: `-n ${pod.namespace} ${pod.name}` },
        },
      ];
    });
  },
};

/** Another team's: known to lead elsewhere, beside one that leads to the pods of a picker. */
function isOthers(title: string, objects: readonly KubeObject[]): boolean {
  const gateways = objects.filter(({ kind, group }) => kind === "Gateway" && group === "gateway.networking.k8s.io");
  const own = gateways.find(({ namespace, name }) => `${namespace}/${name}` === title);
  if (own === undefined || backendsOf(own, objects).size === 0 || leadsToPods(own, objects)) return false;
  return gateways.some((each) => leadsToPods(each, objects));
}

/** What has run to its end is no gateway. */
function isOfGateway(object: KubeObject): boolean {
  const { kind, at } = object;
  return kind === "Pod" && gatewayNameOf(object) !== "" && at.at("status", "phase").text() !== "Succeeded";
}

/** The node that it runs on, or was to. */
function nodeTrouble(pod: KubeObject, objects: readonly KubeObject[]): Because[] {
  const name = pod.at.at("spec", "nodeName").text();
  return objects
    .filter((object) => object.kind === "Node" && (name === "" || object.name === name))
    .flatMap((node) => {
      const pressed = conditionsOf(node).find(({ type, status }) =>
        type === "Ready" ? status !== "True" : type.endsWith("Pressure") && status === "True",
      );
      if (pressed === undefined) return [];
      return [{ says: `${titleOf(node)} has ${pressed.type}=${pressed.status}.`, evidence: pressed.at.quote() }];
    })
    .slice(0, 1);
}
