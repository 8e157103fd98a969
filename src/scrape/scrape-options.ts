/** How the pods of a pool are asked: partial options in, complete frozen options out. */
import { type Engine, engineNamed, engineNames } from "./engines.ts";

export interface ScrapeOptions {
  /** Default http: pods speak it inside a cluster. */
  readonly scheme: "http" | "https";
  /** Of the metrics page; default /metrics. */
  readonly path: string;
  /** Of the metrics page, on the pod's host; 0, the default, is the pod's own. Models are asked for at the pod's own. */
  readonly port: number;
  /** From one scrape's begin to the next, 50 at least; default 1000, which costs a pod nothing that shows. */
  readonly intervalMs: number;
  /** For connecting, asking and the whole answer; default 1000. */
  readonly timeoutMs: number;
  /** Age at which readings become unknown; default three intervals, 2000 at least. */
  readonly stalenessMs: number;
  /** Sent as `authorization: Bearer`, unless `tokenFile` is given; default "": none. */
  readonly bearerToken: string;
  /** Holds the token; read again when it changes. Default "": none. */
  readonly tokenFile: string;
  /** PEM; what may sign the pods' certificates instead of the system's authorities. Default "": those. */
  readonly caFile: string;
  /** The name a pod's certificate has to bear; default "": its address, which few certificates do. */
  readonly serverName: string;
  /** Believe any certificate; default false. */
  readonly insecureSkipVerify: boolean;
  /** What the page is read as; default "auto": told by the page itself, as it is of several engines. */
  readonly engine: "auto" | Engine | readonly Engine[];
  /** Where a pod lists its models; default /v1/models, "" does not ask. */
  readonly modelsPath: string;
  /** Between two looks at the models; default 5000: a new adapter is known soon, and a list costs little. */
  readonly modelsIntervalMs: number;
  /** A page beyond it is dropped, after inflation; default 8 MiB, a hundred times a large page. */
  readonly pageLimitBytes: number;
}

/** What may be given: anything may be left out, and an engine named. */
export interface GivenScrapeOptions extends Partial<Omit<ScrapeOptions, "engine">> {
  readonly engine?: string | ScrapeOptions["engine"];
}

const SHORTEST_INTERVAL_MS = 50;
const SHORTEST_STALENESS_MS = 2000;
const STALE_INTERVALS = 3;

const defaults = {
  scheme: "http",
  path: "/metrics",
  port: 0,
  intervalMs: 1000,
  timeoutMs: 1000,
  bearerToken: "",
  tokenFile: "",
  caFile: "",
  serverName: "",
  insecureSkipVerify: false,
  modelsPath: "/v1/models",
  modelsIntervalMs: 5000,
  pageLimitBytes: 8 * 1024 * 1024,
} as const satisfies Partial<ScrapeOptions>;

/** Throws a RangeError for what no caller should let through. */
export function scrapeOptions(given: GivenScrapeOptions = {}): ScrapeOptions {
  const intervalMs = given.intervalMs ?? defaults.intervalMs;
  if (!(intervalMs >= SHORTEST_INTERVAL_MS)) {
    throw new RangeError(`intervalMs: expected at least ${SHORTEST_INTERVAL_MS}, got ${intervalMs}`);
  }
  const stalenessMs = given.stalenessMs ?? Math.max(SHORTEST_STALENESS_MS, STALE_INTERVALS * intervalMs);
  return Object.freeze({ ...defaults, ...given, stalenessMs, engine: engineOf(given.engine ?? "auto") });
}

function engineOf(given: string | ScrapeOptions["engine"]): ScrapeOptions["engine"] {
  if (typeof given !== "string" || given === "auto") return given as ScrapeOptions["engine"];
  const engine = engineNamed(given);
  if (engine === undefined) throw new RangeError(`engine: expected auto, ${engineNames.join(", ")}; got ${given}`);
  return engine;
}

/** Does a secret go out over TLS to whoever answers, with any certificate? */
export function trustsAnyone({ scheme, bearerToken, tokenFile, insecureSkipVerify }: ScrapeOptions): boolean {
  return scheme === "https" && insecureSkipVerify && (bearerToken !== "" || tokenFile !== "");
}

/** The origin of the metrics page and that of the models; the latter is where requests go. */
export function originsOf(address: string, { scheme, port }: ScrapeOptions): { metrics: string; models: string } {
  const models = `${scheme}://${address}`;
  if (port === 0) return { metrics: models, models };
  const host = address.slice(0, address.lastIndexOf(":"));
  return { metrics: `${scheme}://${host}:${port}`, models };
}
