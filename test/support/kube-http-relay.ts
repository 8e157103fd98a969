/** Stands between a client and the API server and reads along: it swallows watch events, and makes answers up. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type Kubeconfig, type KubeObject, readKubeconfig, tlsOptions } from "./kube-client.ts";
import type { KubeServer } from "./kube-server.ts";

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject;
}

export interface RelayedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly isWatch: boolean;
}

interface MadeUpAnswer {
  readonly status: number;
  readonly accepts: (request: RelayedRequest) => boolean;
  left: number;
}

const everything = () => true;

export class KubeHttpRelay {
  /** For a kubeconfig. */
  readonly url: string;
  /** All that was asked so far, made-up answers included. */
  readonly requests: RelayedRequest[] = [];
  readonly #server: https.Server;
  readonly #upstream: Kubeconfig;
  readonly #drops = new Set<(event: WatchEvent) => boolean>();
  /** The client's side of every watch that is open. */
  readonly #watches = new Set<ServerResponse>();
  #madeUp: MadeUpAnswer[] = [];
  #dropped = 0;

  private constructor(server: https.Server, upstream: Kubeconfig) {
    this.#server = server;
    this.#upstream = upstream;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, answer) => this.#serve(request, answer));
  }

  /** Whoever asks without a token has this user's rights: a client's certificate is good for one connection only. */
  static async start(server: KubeServer, user = "admin"): Promise<KubeHttpRelay> {
    const listener = https.createServer(server.certificate);
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return new KubeHttpRelay(listener, readKubeconfig(server.kubeconfig(user)));
  }

  /** Watch events that were swallowed. */
  get dropped(): number {
    return this.#dropped;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Swallows what is accepted until the returned function is called; the events before and after it pass. */
  dropEvents(accepts: (event: WatchEvent) => boolean): () => void {
    this.#drops.add(accepts);
    return () => this.#drops.delete(accepts);
  }

  /** The server does not get to see these requests. */
  answerNext(count: number, status: number, accepts: (request: RelayedRequest) => boolean = everything): void {
    this.#madeUp.push({ status, accepts, left: count });
  }

  /** As the server does when a watch has lasted long enough. */
  endWatches(): void {
    for (const answer of this.#watches) answer.end();
  }

  /** As the server does when it has forgotten the version from which a watch continues. */
  expireWatches(): void {
    const line = `${JSON.stringify({ type: "ERROR", object: statusObject(410) })}\n`;
    for (const answer of this.#watches) answer.end(line);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = "GET", url: path = "/" } = incoming;
    const watch = new URL(path, this.url).searchParams.get("watch");
    const request = { method, path, isWatch: watch === "true" || watch === "1" };
    this.requests.push(request);
    const madeUp = this.#madeUp.find((each) => each.accepts(request));
    if (madeUp === undefined) {
      this.#forward(request, incoming, answer);
      return;
    }
    if (--madeUp.left <= 0) this.#madeUp = this.#madeUp.filter((each) => each !== madeUp);
    incoming.resume();
    answer.writeHead(madeUp.status, { "content-type": "application/json" });
    answer.end(JSON.stringify(statusObject(madeUp.status)));
  }

  #forward(request: RelayedRequest, incoming: IncomingMessage, answer: ServerResponse): void {
    const { host: _host, connection: _connection, "accept-encoding": _encoding, ...headers } = incoming.headers;
    const { cluster, user } = this.#upstream;
    // The server would prefer the certificate to the token.
    const identity = headers.authorization === undefined ? user : {};
    const options = { method: request.method, headers, agent: false, ...tlsOptions({ cluster, user: identity }) };
    const outgoing = https.request(`${cluster.server}${request.path}`, options);
    outgoing.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, withoutConnection(response.headers));
      if (request.isWatch && response.statusCode === 200) this.#passWatch(response, answer);
      else response.pipe(answer);
      response.on("error", () => answer.destroy());
    });
    // A server that is down looks like that from here too.
    outgoing.on("error", () => answer.destroy());
    answer.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  #passWatch(response: IncomingMessage, answer: ServerResponse): void {
    this.#watches.add(answer);
    answer.on("close", () => this.#watches.delete(answer));
    // The client is to know at once that its watch stands.
    answer.flushHeaders();
    let held = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (held + chunk).split("\n");
      held = lines.pop() ?? "";
      for (const line of lines) if (!this.#isDropped(JSON.parse(line)) && answer.writable) answer.write(`${line}\n`);
    });
    response.on("end", () => answer.end());
  }

  #isDropped(event: WatchEvent): boolean {
    const isDropped = [...this.#drops].some((accepts) => accepts(event));
    if (isDropped) this.#dropped++;
    return isDropped;
  }
}

function withoutConnection({ connection: _connection, ...headers }: IncomingHttpHeaders) {
  return headers;
}

const reasons: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
};

/** What the server says instead of an object. */
function statusObject(code: number) {
  const reason = reasons[code] ?? "Unknown";
  const message = `made up: ${reason}`;
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}
