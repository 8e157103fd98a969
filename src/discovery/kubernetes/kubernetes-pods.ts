/** Makes the source of pods that a pool's configuration asks Kubernetes for. */
import type { PodSource } from "../pod-source.ts";
import { aibrixEndpoints, modelLabel, readAibrixPod } from "./aibrix-pods.ts";
import { readSlice, sliceEndpoints } from "./endpoint-slices.ts";
import { type InferencePool, poolGroups } from "./inference-pool.ts";
import { endpointsOf, readPod } from "./pod-object.ts";
import { PoolPods } from "./pool-pods.ts";
import { type KubernetesPodsParts, watchParts } from "./source-parts.ts";
import { WatchedPods } from "./watched-pods.ts";

export type KubernetesPodsConfig =
  | {
      readonly kind: "inference-pool";
      readonly namespace: string;
      readonly name: string;
      /** "auto" takes the pool where it is found, the new group first; any other text is a group by its full name. */
      readonly group: "auto" | "v1" | "x-k8s" | (string & {});
      onPool?(pool: InferencePool | undefined): void;
    }
  /** `selector` is passed on as it stands, in the full syntax of label selectors. */
  | {
      readonly kind: "selector";
      readonly namespace: string;
      readonly selector: string;
      readonly ports: readonly number[];
    }
  /** `port` by name or number, as the EndpointSlices show it; without it the first. */
  | { readonly kind: "service"; readonly namespace: string; readonly name: string; readonly port?: string | number }
  /** All namespaces without one. */
  | { readonly kind: "aibrix"; readonly namespace?: string };

const allGroups = Object.keys(poolGroups);

export function kubernetesPods(config: KubernetesPodsConfig, given: KubernetesPodsParts): PodSource {
  const parts = watchParts(given);
  switch (config.kind) {
    case "inference-pool":
      return new PoolPods({ ...config, groups: groupsOf(config.group) }, parts);
    case "selector": {
      const { namespace, selector, ports } = config;
      const resource = { group: "", version: "v1", plural: "pods", namespace, labelSelector: selector };
      const podsOf = (pods: Iterable<Parameters<typeof endpointsOf>[0]>) =>
        [...pods].flatMap((pod) => endpointsOf(pod, ports));
      return new WatchedPods(`pods ${namespace}/${selector}`, { resource, read: readPod, podsOf }, parts);
    }
    case "service": {
      const { namespace, name, port } = config;
      const labelSelector = `kubernetes.io/service-name=${name}`;
      const resource = {
        ...{ group: "discovery.k8s.io", version: "v1", plural: "endpointslices" },
        ...{ namespace, labelSelector },
      };
      const podsOf = (slices: Parameters<typeof sliceEndpoints>[0]) => sliceEndpoints(slices, port);
      return new WatchedPods(`Service ${namespace}/${name}`, { resource, read: readSlice, podsOf }, parts);
    }
    case "aibrix": {
      const { namespace } = config;
      const place = namespace === undefined ? {} : { namespace };
      const resource = { group: "", version: "v1", plural: "pods", labelSelector: modelLabel, ...place };
      const name = `AIBrix pods of ${namespace === undefined ? "all namespaces" : `namespace ${namespace}`}`;
      return new WatchedPods(name, { resource, read: readAibrixPod, podsOf: aibrixEndpoints }, parts);
    }
    default:
      return config satisfies never;
  }
}

function groupsOf(group: string): readonly string[] {
  if (group === "auto") return allGroups;
  if (group === "v1") return allGroups.slice(0, 1);
  return group === "x-k8s" ? allGroups.slice(1) : [group];
}
