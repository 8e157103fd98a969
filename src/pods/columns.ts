/**
 * The catalogue of columns: every number about a pod that a scorer may read.
 * A pod column is kept in the pod table by its writer. A request column is filled for one request,
 * and only if a configured scorer reads it. NaN is the one word for "unknown" in both.
 */

interface ColumnSpec {
  readonly owner: "pod" | "request";
  readonly unit: string;
  readonly writer: string;
  readonly help: string;
}

export const columns = {
  waiting: {
    owner: "pod",
    unit: "requests",
    writer: "scrape/scraper",
    help: "requests in the pod's own queue, by its last page and our picks since",
  },
  running: {
    owner: "pod",
    unit: "requests",
    writer: "scrape/scraper",
    help: "requests in the pod's running batch, by its last page and our picks since",
  },
  kvUsage: {
    owner: "pod",
    unit: "0..1",
    writer: "scrape/scraper",
    help: "share of KV blocks held by running requests",
  },
  inFlight: { owner: "pod", unit: "requests", writer: "accounting/in-flight", help: "picks not yet finished" },
  prefixHit: {
    owner: "request",
    unit: "0..1",
    writer: "prefix",
    help: "share of the prompt the pod's cache should hold",
  },
} as const satisfies Record<string, ColumnSpec>;

export type ColumnName = keyof typeof columns;

type OwnedBy<O extends ColumnSpec["owner"]> = {
  [C in ColumnName]: (typeof columns)[C]["owner"] extends O ? C : never;
}[ColumnName];

export type PodColumn = OwnedBy<"pod">;
export type RequestColumn = OwnedBy<"request">;

export const columnNames = Object.keys(columns) as ColumnName[];
export const podColumnNames = columnNames.filter((name): name is PodColumn => columns[name].owner === "pod");
