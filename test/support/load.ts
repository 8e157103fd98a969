/** Many requests at once through one port: closed loops, open loops and clients that leave, counted by outcome. */
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** Status -> how often; what has no status counts under the error's code. */
export type Outcomes = Map<string, number>;

export interface LoadTarget {
  readonly port: number;
  readonly path?: string;
  readonly body: string | (() => string);
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of so many tenants in turn, each with a prefix of its own. */
export const chatBody = (turn: number, tenants = 8): string =>
  JSON.stringify({
    model: "m",
    messages: [
      { role: "system", content: `You answer for tenant ${turn % tenants}. ${"Be brief and kind. ".repeat(4)}` },
      { role: "user", content: `Question ${turn}?` },
    ],
    stream: true,
  });

export class Load {
  readonly outcomes: Outcomes = new Map();
  readonly #agent: http.Agent;
  readonly #target: LoadTarget;

  constructor(target: LoadTarget) {
    this.#target = target;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 4096 });
  }

  /** `total` requests, `concurrency` at a time, or until `done` says so. */
  async closedLoop(total: number, concurrency: number, done = () => false): Promise<Outcomes> {
    let left = total;
    const loop = async () => {
      while (left-- > 0 && !done()) await this.one();
    };
    await Promise.all(Array.from({ length: concurrency }, loop));
    return this.outcomes;
  }

  /** About `perSecond` requests a second, whatever the answers do, until `done` says so; then waits for all answers. */
  async openLoop(perSecond: number, done: () => boolean): Promise<Outcomes> {
    const open = new Set<Promise<void>>();
    const startedAt = performance.now();
    for (let sent = 0; !done(); ) {
      const due = ((performance.now() - startedAt) / 1000) * perSecond;
      for (; sent < due; sent++) {
        const request = this.one().finally(() => open.delete(request));
        open.add(request);
      }
      await delay(5);
    }
    await Promise.all(open);
    return this.outcomes;
  }

  /** One request to its end; a stream cut short is no success. */
  async one(): Promise<void> {
    const outcome = await new Promise<string>((resolve) => {
      const request = this.#request();
      request.on("response", (response) => {
        response.resume();
        response.on("end", () => resolve(String(response.statusCode)));
        response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "cut short"));
        response.on("close", () => resolve("cut short"));
      });
      request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      request.end(this.#body());
    });
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** A client that leaves: with half a body sent, right after the body, or once the answer has begun. */
  abandonOne(when: "in the body" | "after the body" | "in the answer"): Promise<void> {
    return new Promise((resolve) => {
      const request = this.#request(false);
      request.on("error", () => {});
      request.on("close", () => resolve());
      const body = this.#body();
      if (when === "in the body") {
        request.setHeader("content-length", Buffer.byteLength(body));
        request.write(body.slice(0, body.length / 2), () => request.destroy());
      } else if (when === "after the body") request.end(body, () => request.destroy());
      else {
        request.on("response", () => request.destroy());
        request.end(body);
      }
    });
  }

  stop(): void {
    this.#agent.destroy();
  }

  #body(): string {
    const { body } = this.#target;
    return typeof body === "string" ? body : body();
  }

  #request(keepAlive = true): http.ClientRequest {
    const { port, path = "/v1/chat/completions", headers } = this.#target;
    const agent = keepAlive ? this.#agent : false;
    const all = { "content-type": "application/json", ...headers };
    return http.request({ host: "127.0.0.1", port, path, method: "POST", headers: all, agent });
  }
}
