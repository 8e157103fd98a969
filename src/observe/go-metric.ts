/** What is known of a metric of the Go picker. */
import type { metricSpecs } from "./metric-specs.ts";

type OwnMetric = keyof typeof metricSpecs;
export type GoKind = "counter" | "gauge" | "histogram";

export interface GoMetric {
  /** After the prefix `llm_d_epp_`. */
  readonly name: string;
  readonly kind: GoKind;
  readonly labels: readonly string[];
  /** The whole name that older releases have, and present ones still emit. */
  readonly older?: string;
  /** Where they are others than the labels above. */
  readonly olderLabels?: readonly string[];
  /** Ours that tell it; none where it is told of something that is not done here. */
  readonly ours: readonly OwnMetric[];
  readonly remark?: string;
  /** What it tells here. Absent where it is not emitted; then `remark` or one of ours says why. */
  readonly help?: string;
  /** Upper bounds of a histogram's buckets, where it is emitted. */
  readonly bounds?: readonly number[];
}

export type EmittedMetric<K extends GoKind = GoKind> = GoMetric & { readonly kind: K; readonly help: string };

export const model = ["model_name", "target_model_name", "fairness_id", "priority"];
/** The older names know nothing of tenants, and of priorities only where requests are counted. */
export const olderModel = ["model_name", "target_model_name"];
export const plugin = ["plugin_name", "plugin_type"];

/** What the older names call a label. */
export const olderLabelNames: Readonly<Record<string, string>> = {
  pod_name: "endpoint_name",
  model_server_pod: "model_server_endpoint",
};

type More = Pick<GoMetric, "older" | "olderLabels" | "remark" | "bounds">;

export function metric(
  kind: GoKind,
  name: string,
  labels: readonly string[],
  ours: readonly OwnMetric[],
  more: More = {},
): GoMetric {
  return { kind, name, labels, ours, ...more };
}

/** One that is emitted; `help` says what it tells here, in our words. */
export function emitted<const K extends GoKind>(
  kind: K,
  name: string,
  labels: readonly string[],
  ours: readonly OwnMetric[],
  help: string,
  more: More = {},
): EmittedMetric<K> {
  return { kind, name, labels, ours, help, ...more };
}

export const objective = (name: string, olderLabels = olderModel) => ({
  older: `inference_objective_${name}`,
  olderLabels,
});
export const extension = (name: string, olderLabels?: readonly string[]) => {
  return { older: `inference_extension_${name}`, ...(olderLabels !== undefined && { olderLabels }) };
};
export const older = (name: string) => ({ older: name });
