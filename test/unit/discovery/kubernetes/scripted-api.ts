/** An API server whose every answer the test gives by hand, and the objects it sends. */
import type { Api, ApiAnswer, Query } from "../../../../src/discovery/kubernetes/kubernetes-api.ts";

export type ApiObject = Record<string, unknown>;

/** An answer's body that grows until it is ended or cut. */
class Body implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #end: { readonly error?: Error } | undefined;
  #wake: () => void = () => undefined;

  write(content: string | Uint8Array): void {
    this.#chunks.push(Buffer.from(content));
    this.#wake();
  }

  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export class ApiRequest {
  readonly path: string;
  readonly query: Query;
  readonly signal: AbortSignal;
  readonly body = new Body();
  readonly answered: Promise<ApiAnswer>;
  #resolve: (answer: ApiAnswer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(path: string, query: Query, signal: AbortSignal) {
    this.path = path;
    this.query = query;
    this.signal = signal;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal.addEventListener("abort", () => {
      this.#reject(new Error("aborted"));
      this.body.end(new Error("aborted"));
    });
  }

  get isWatch(): boolean {
    return this.query["watch"] === "1";
  }

  list(items: readonly ApiObject[], resourceVersion = "1", next?: string): void {
    this.answer(200, { metadata: { resourceVersion, continue: next }, items });
  }

  answer(status: number, content: unknown = {}): void {
    this.raw(status, JSON.stringify(content));
    this.body.end();
  }

  raw(status: number, text: string): void {
    this.body.write(text);
    this.#resolve({ status, body: this.body });
  }

  /** Begins the answer to a watch. */
  open(): this {
    this.#resolve({ status: 200, body: this.body });
    return this;
  }

  /** Events in one chunk. */
  send(...events: readonly (readonly [type: string, object: ApiObject])[]): this {
    this.body.write(events.map(([type, object]) => `${JSON.stringify({ type, object })}\n`).join(""));
    return this;
  }

  end(): void {
    this.body.end();
  }

  /** An end in the middle of something. */
  tail(text: string): void {
    this.body.write(text);
    this.body.end();
  }

  fail(message: string): void {
    this.#reject(new Error(message));
    this.body.end(new Error(message));
  }
}

export class ScriptedApi implements Api {
  readonly renewals: number[] = [];
  readonly asked: ApiRequest[] = [];
  readonly #open: ApiRequest[] = [];
  #wake: () => void = () => undefined;

  get(path: string, query: Query, signal: AbortSignal): Promise<ApiAnswer> {
    const request = new ApiRequest(path, query, signal);
    this.asked.push(request);
    this.#open.push(request);
    this.#wake();
    return request.answered;
  }

  renew(olderThanMs: number): void {
    this.renewals.push(olderThanMs);
  }

  /** The next request whose path ends so, whenever it comes. */
  async next(pathEnd = ""): Promise<ApiRequest> {
    for (;;) {
      const found = this.#open.findIndex(({ path }) => path.endsWith(pathEnd));
      const [request] = found === -1 ? [] : this.#open.splice(found, 1);
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A pod that may serve, with parts of it replaced. */
export function podObject(
  name: string,
  ip: string,
  { metadata = {}, status = {} }: Partial<Record<"metadata" | "status", ApiObject>> = {},
): ApiObject {
  return {
    metadata: { name, namespace: "ns", uid: `uid-${name}`, resourceVersion: "5", labels: { app: "vllm" }, ...metadata },
    spec: { containers: [{ name: "vllm" }] },
    status: { phase: "Running", podIP: ip, conditions: [{ type: "Ready", status: "True" }], ...status },
  };
}

export const notReady = { status: { conditions: [{ type: "Ready", status: "False" }] } };
