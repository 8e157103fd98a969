/** What a panel of the dashboard is, and the words that queries are made of. */

export interface PanelQuery {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it means, and what to do about it; one sentence or two. */
  readonly about: string;
  readonly kind: "stat" | "graph" | "table";
  /** Grafana's name of it. */
  readonly unit: string;
  readonly queries: readonly PanelQuery[];
  /** Where it may well be empty: in what case it is not. */
  readonly onlyWhen?: string;
  /** A stat turns yellow and red from these values on; downwards if the first is the larger one. */
  readonly steps?: readonly [warn: number, bad: number];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Those of the pickers that are looked at. */
export const of = 'instance=~"$instance"';
export const rate = (name: string, more = "") => `rate(pointsman_${name}{${of}${more}}[$__rate_interval])`;
export const share = (part: string, whole: string) => `sum(${part}) / sum(${whole})`;
export const quantile = (q: number, name: string) =>
  `histogram_quantile(${q}, sum by (le) (${rate(`${name}_bucket`)}))`;
export const query = (expr: string, legend: string): PanelQuery => ({ expr, legend });

export function panel(
  kind: Panel["kind"],
  title: string,
  unit: string,
  about: string,
  ...queries: PanelQuery[]
): Panel {
  return { kind, title, unit, about, queries };
}

export const byPod = (name: string) => query(`max by (pod, address) (pointsman_${name}{${of}})`, "{{pod}}");
