/** How a metric of the picker's own is declared. */
import type { MetricSpec } from "./metric-cells.ts";

type Kind = "counter" | "gauge" | "histogram";
export type AnySpec = MetricSpec & { bounds?: readonly number[] } & (
    | { kind: Kind; polled?: never }
    | { kind: Exclude<Kind, "histogram">; polled: true }
  );

type More = Pick<MetricSpec, "values"> & { readonly bounds?: readonly number[] };

export function metric<const K extends Kind>(
  kind: K,
  name: string,
  labels: readonly string[],
  help: string,
  more: More = {},
) {
  return { kind, name: `pointsman_${name}`, labels, help, ...more } as const;
}

/** One whose values are kept elsewhere, and asked for at each rendering. */
export function polled<const K extends Exclude<Kind, "histogram">>(
  kind: K,
  name: string,
  labels: readonly string[],
  help: string,
) {
  return { ...metric(kind, name, labels, help), polled: true } as const;
}

export const ofPod = ["pod", "address"] as const;
