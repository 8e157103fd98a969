/** InferencePools of both groups, as an operator would write them. */
import type { KubeObject } from "../support/kube-client.ts";

export const newPools = "inference.networking.k8s.io/v1";
export const oldPools = "inference.networking.x-k8s.io/v1alpha2";

type Labels = Readonly<Record<string, string>>;

export function newPool(name: string, matchLabels: Labels, ports: readonly number[] = [8000]): KubeObject {
  return {
    apiVersion: newPools,
    kind: "InferencePool",
    metadata: { name },
    spec: {
      selector: { matchLabels },
      targetPorts: ports.map((number) => ({ number })),
      endpointPickerRef: { name: "pointsman", port: { number: 9002 } },
    },
  };
}

export function oldPool(name: string, selector: Labels, targetPortNumber = 8000): KubeObject {
  return {
    apiVersion: oldPools,
    kind: "InferencePool",
    metadata: { name },
    spec: { selector, targetPortNumber, extensionRef: { name: "pointsman" } },
  };
}
