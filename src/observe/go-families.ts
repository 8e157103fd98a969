/** The families of the Go picker's metrics that are emitted, made from their catalogue. */
import { HistogramFamily, type Twin, ValueFamily } from "./families.ts";
import { type EmittedMetric, type GoMetric, olderLabelNames } from "./go-metric.ts";
import { emittedMetrics, GO_PREFIX } from "./go-metrics.ts";

type Specs = typeof emittedMetrics;
export type GoFamilies = {
  readonly [K in keyof Specs]: Specs[K]["kind"] extends "histogram" ? HistogramFamily : ValueFamily;
};

export function goFamilies(): GoFamilies {
  return Object.fromEntries(Object.entries(emittedMetrics).map(([key, spec]) => [key, familyOf(spec)])) as GoFamilies;
}

function familyOf(spec: EmittedMetric): HistogramFamily | ValueFamily {
  const twin = twinOf(spec);
  const family = { name: `${GO_PREFIX}${spec.name}`, help: spec.help, labels: spec.labels, ...(twin && { twin }) };
  return spec.kind === "histogram"
    ? new HistogramFamily(family, spec.bounds ?? [])
    : new ValueFamily(family, spec.kind);
}

function twinOf({ older, labels, olderLabels = labels }: GoMetric): Twin | undefined {
  if (older === undefined) return undefined;
  return {
    name: older,
    labels: olderLabels,
    from: olderLabels.map((label) => labels.indexOf(olderLabelNames[label] ?? label)),
  };
}
