/** The labels of a pod as every metric about pods has them, made once per pod. */
import type { Pod } from "../pods/pod-table.ts";
import { labelsText } from "./metric-cells.ts";

const made = new WeakMap<Pod, string>();

export function podLabels(pod: Pod): string {
  const known = made.get(pod);
  if (known !== undefined) return known;
  const labels = labelsText({ pod: pod.name, address: pod.address });
  made.set(pod, labels);
  return labels;
}
