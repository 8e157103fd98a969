/** The way to one Kubernetes API server: configuration, credentials and plain GET requests, shared by all sources. */
import { readFile } from "node:fs/promises";
import type { Cluster, KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher, request } from "undici";

export type Query = Readonly<Record<string, string>>;

export interface ApiAnswer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What list-watch needs of the API. */
export interface Api {
  /** Rejects with what hindered it; an answer of any status resolves. Aborting ends the answer's body as well. */
  get(path: string, query: Query, signal: AbortSignal): Promise<ApiAnswer>;
  /** Has configuration and credentials read anew before the next request, if those in use are older than this. */
  renew(olderThanMs: number): void;
}

interface Connection {
  readonly server: string;
  readonly namespace: string | undefined;
  /** Headers are made for every request, since tokens rotate; connections are kept. */
  authenticate(): Promise<{ readonly headers: Record<string, string>; readonly dispatcher: Dispatcher }>;
}

export interface KubernetesApiOptions {
  /** A kubeconfig to use instead of the usual places: KUBECONFIG, ~/.kube/config, the pod's own account. */
  readonly kubeconfig?: string;
  /** The environment, for NAMESPACE. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds its own namespace. */
  readonly namespaceFile?: string;
}

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

export class KubernetesApi implements Api {
  readonly #kubeconfig: string | undefined;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #namespaceFile: string;
  #connection: Promise<Connection> | undefined;
  #connectedAtMs = 0;

  constructor(options: KubernetesApiOptions = {}) {
    this.#kubeconfig = options.kubeconfig;
    this.#env = options.env ?? process.env;
    this.#namespaceFile = options.namespaceFile ?? NAMESPACE_FILE;
  }

  async get(path: string, query: Query, signal: AbortSignal): Promise<ApiAnswer> {
    const connection = await unlessAborted(this.#connect(), signal);
    // An exec plug-in may hang, and then counts as the server hanging.
    const { headers, dispatcher } = await unlessAborted(connection.authenticate(), signal);
    const { statusCode, body } = await request(`${connection.server}${path}?${new URLSearchParams(query)}`, {
      // One connection per watch: over HTTP/2 a hung connection would take every watch, old and new, with it.
      ...{ dispatcher, signal, allowH2: false },
      headers: { ...headers, accept: "application/json", "user-agent": "pointsman" },
    });
    return { status: statusCode, body };
  }

  renew(olderThanMs: number): void {
    if (performance.now() - this.#connectedAtMs >= olderThanMs) this.#connection = undefined;
  }

  /** For pools that name no namespace: the picker's own, then NAMESPACE, then that of the kubeconfig's context. */
  async defaultNamespace(): Promise<string> {
    const own = await readFile(this.#namespaceFile, "utf8").catch(() => "");
    const known = own.trim() || this.#env["NAMESPACE"]?.trim();
    if (known) return known;
    const connection = await this.#connect().catch(() => undefined);
    return connection?.namespace ?? "default";
  }

  #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const connecting = openConnection(this.#kubeconfig);
    this.#connection = connecting;
    this.#connectedAtMs = performance.now();
    // A configuration that cannot be read is read again by the next request.
    connecting.catch(() => {
      if (this.#connection === connecting) this.#connection = undefined;
    });
    return connecting;
  }
}

/** The client is heavy (0.5 s, 90 MB): it is loaded by the first request to Kubernetes and never without one. */
async function openConnection(kubeconfig: string | undefined): Promise<Connection> {
  const client = await import("@kubernetes/client-node");
  const config = new client.KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  const server = serverOf(config);
  // The client wants to be told that plain HTTP, such as that of `kubectl proxy`, has no certificate to verify.
  const isPlain = (cluster: Cluster) => cluster.server.startsWith("http:");
  config.clusters = config.clusters.map((each) => (isPlain(each) ? { ...each, skipTLSVerify: true } : each));
  let kept: Dispatcher | undefined;
  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() || undefined,
    async authenticate() {
      const context = new client.RequestContext(server, client.HttpMethod.GET);
      await config.applySecurityAuthentication(context);
      // The client makes a dispatcher each time; only the first is ever used, the others never open a connection.
      kept ??= context.getDispatcher() ?? new Agent();
      return { headers: context.getHeaders(), dispatcher: kept };
    },
  };
}

function serverOf(config: KubeConfig): string {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined)
    throw new Error(`the kubeconfig has no cluster for context "${config.getCurrentContext()}"`);
  // What the client falls back to, in a pod without an API server and outside of one.
  const isGuess = server === "http://localhost:8080" || server.includes("undefined");
  if (isGuess) throw new Error("no configuration found: not in a pod, no KUBECONFIG, no ~/.kube/config");
  return server;
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
