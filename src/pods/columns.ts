/**
 * The catalogue of columns: every number about a pod that a scorer may read.
 * A pod column is kept in the pod table by its writer. A request column is filled for one request, in the order below,
 * and only if a configured scorer reads it. NaN is the one word for "unknown" in both.
 */

interface ColumnSpec {
  readonly owner: "pod" | "request";
  readonly unit: string;
  readonly writer: string;
  readonly help: string;
  /** What a pod that joins has; unknown where it is not said. */
  readonly initial?: number;
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
  cpuCacheUsage: {
    owner: "pod",
    unit: "0..1",
    writer: "scrape/scraper",
    help: "share of the cache in the CPU's memory",
  },
  gpuBusyRatio: {
    owner: "pod",
    unit: "0..1",
    writer: "scrape/scraper",
    help: "share of time in which the GPU is busy, where the page tells it",
  },
  engineUtilization: {
    owner: "pod",
    unit: "0..1",
    writer: "scrape/scraper",
    help: "how busy the engine says it is, where the page tells it",
  },
  meanPromptTokens: {
    owner: "pod",
    unit: "tokens",
    writer: "scrape/scraper",
    help: "prompt tokens of the mean request since the pod's process began",
  },
  meanGenerationTokens: {
    owner: "pod",
    unit: "tokens",
    writer: "scrape/scraper",
    help: "generated tokens of the mean request since the pod's process began",
  },
  queueSeconds: {
    owner: "pod",
    unit: "seconds",
    writer: "scrape/scraper",
    help: "mean time of a request in the pod's queue since its process began",
  },
  prefillSeconds: {
    owner: "pod",
    unit: "seconds",
    writer: "scrape/scraper",
    help: "mean time of reading a prompt since the pod's process began",
  },
  decodeSeconds: {
    owner: "pod",
    unit: "seconds",
    writer: "scrape/scraper",
    help: "mean time of writing an answer since the pod's process began",
  },
  inFlight: {
    owner: "pod",
    unit: "requests",
    writer: "accounting/in-flight",
    help: "picks not yet finished",
    initial: 0,
  },
  pendingTokens: {
    owner: "pod",
    unit: "tokens",
    writer: "accounting/token-load",
    help: "uncached prompt tokens of our picks that the pod has still to read",
    initial: 0,
  },
  ttft: {
    owner: "pod",
    unit: "seconds",
    writer: "accounting/latency",
    help: "time to first token, as seen lately, of a prompt with the pods' average of tokens to read",
  },
  tpot: { owner: "pod", unit: "seconds", writer: "accounting/latency", help: "time per further token, as seen lately" },
  prefixHit: {
    owner: "request",
    unit: "0..1",
    writer: "prefix",
    help: "share of the prompt the pod's cache should hold",
  },
  coldRank: {
    owner: "request",
    unit: "rank",
    writer: "affinity/cold-column",
    help: "the candidate's turn for a prompt that nobody has cached: 0 for the one whose last such prompt is longest ago",
  },
  sessionMatch: {
    owner: "request",
    unit: "0..1",
    writer: "affinity/session-column",
    help: "1 for the pod of the request's session, 0 for the others and without a session",
  },
  adapterState: {
    owner: "request",
    unit: "0..3",
    writer: "affinity/adapter-column",
    help: "of the LoRA adapter: 3 it is loaded, 2 the pod has room for it, 1 it waits for room, 0 there is none",
  },
  capacity: {
    owner: "request",
    unit: "weight",
    writer: "affinity/capacity-column",
    help: "how much the pod can carry: its KV blocks, or the number in a label of its",
  },
  headerMatch: {
    owner: "request",
    unit: "0..1",
    writer: "affinity/header-label-column",
    help: "1 where the pod's label has the value of the request's header, else 0",
  },
  lengthFit: {
    owner: "request",
    unit: "0..1",
    writer: "affinity/context-column",
    help: "how well the prompt's length suits the range of tokens in a label of the pod; 0.5 without the label",
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
export const requestColumnNames = columnNames.filter(
  (name): name is RequestColumn => columns[name].owner === "request",
);

/** What a pod that joins has in this column. */
export function initialOf(name: PodColumn): number {
  const spec: ColumnSpec = columns[name];
  return spec.initial ?? Number.NaN;
}
