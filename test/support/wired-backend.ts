/** A backend on a port of its own that keeps every byte that reaches it, and answers as the test tells it to. */
import http from "node:http";
import net, { type AddressInfo } from "node:net";

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Response = http.ServerResponse;

/** Answers a request; whoever does not end the response hangs. */
export type Serve = (request: WireRequest, response: Response) => void;

const MOST_KEPT = 64 * 1024;

export class WiredBackend {
  readonly name: string;
  readonly requests: WireRequest[] = [];
  serve: Serve;
  readonly #server: http.Server;
  readonly #port = net.createServer((socket) => this.#tap(socket));
  readonly #sockets = new Set<net.Socket>();
  #wire: Buffer[] = [];
  #number = 0;

  constructor(name: string, serve: Serve) {
    this.name = name;
    this.serve = serve;
    this.#server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", () => undefined);
      request.on("end", () => this.#take(request, response, Buffer.concat(chunks)));
    });
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#port.listen(port, "127.0.0.1", resolve));
    this.#number = (this.#port.address() as AddressInfo).port;
    return this;
  }

  get port(): number {
    return this.#number;
  }

  get only(): WireRequest {
    const [only] = this.requests;
    if (only === undefined || this.requests.length > 1)
      throw new Error(`${this.name} had ${this.requests.length} requests`);
    return only;
  }

  /** All that has come, as it came; of long bodies the beginning. */
  get wire(): string {
    return Buffer.concat(this.#wire).toString("latin1");
  }

  forget(): void {
    this.requests.length = 0;
    this.#wire = [];
  }

  /** Refuses connections from now on, also those that are open. */
  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** On the same port as before. */
  async accept(): Promise<void> {
    await this.listen(this.#number);
  }

  async close(): Promise<void> {
    if (this.#port.listening) await this.refuse();
  }

  #tap(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    this.#server.emit("connection", socket);
    // Behind that: the server would take the bytes past a listener that is there already.
    socket.on("data", (bytes) => this.#wire.push(Buffer.from(bytes.subarray(0, MOST_KEPT))));
  }

  #take(request: http.IncomingMessage, response: Response, body: Buffer): void {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
    const taken = { method: request.method ?? "", path: request.url ?? "", headers, body };
    this.requests.push(taken);
    this.serve(taken, response);
  }
}

export const answers =
  (status: number, headers: Readonly<Record<string, string>> = {}): Serve =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end('{"error":{"message":"not now"}}');
  };

export const hangs: Serve = () => undefined;

/** The connection breaks before an answer. */
export const resets: Serve = (_request, response) => response.destroy();
