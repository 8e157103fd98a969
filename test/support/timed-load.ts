/** An open loop of requests that keeps of each when it was sent, when it was answered, how, and by whom. */
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Echo } from "./echo-backend.ts";

export interface Timed {
  readonly sentAtMs: number;
  readonly endedAtMs: number;
  /** The status; what has none is known by its error's code. */
  readonly outcome: string;
  /** The pod that says it has served; "" for none. */
  readonly pod: string;
}

export interface TimedLoadTarget {
  readonly port: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Longer waits count as an outcome of their own. */
  readonly patienceMs: number;
}

export class TimedLoad {
  readonly timed: Timed[] = [];
  readonly #target: TimedLoadTarget;
  readonly #open = new Set<Promise<void>>();
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1024 });

  constructor(target: TimedLoadTarget) {
    this.#target = target;
  }

  /** Sends `perSecond` requests a second for so long, whatever becomes of them; does not wait for the answers. */
  async send(perSecond: number, forMs: number): Promise<void> {
    const startedAtMs = performance.now();
    const total = Math.round((forMs / 1000) * perSecond);
    for (let sent = 0; sent < total; ) {
      const due = ((performance.now() - startedAtMs) / 1000) * perSecond;
      for (; sent < Math.min(due, total); sent++) {
        const request = this.#one().finally(() => this.#open.delete(request));
        this.#open.add(request);
      }
      await delay(2);
    }
  }

  /** Every answer is there. */
  async settled(): Promise<readonly Timed[]> {
    await Promise.all(this.#open);
    this.#agent.destroy();
    return this.timed;
  }

  async #one(): Promise<void> {
    const { port, body, headers, patienceMs } = this.#target;
    const sentAtMs = performance.now();
    const { outcome, pod } = await new Promise<Pick<Timed, "outcome" | "pod">>((resolve) => {
      const failed = (error: NodeJS.ErrnoException) => resolve({ outcome: error.code ?? error.message, pod: "" });
      const request = http.request({
        ...{ host: "127.0.0.1", port, method: "POST", path: "/v1/chat/completions", agent: this.#agent },
        headers: { "content-type": "application/json", ...headers },
      });
      request.setTimeout(patienceMs, () =>
        request.destroy(Object.assign(new Error("too late"), { code: "no answer" })),
      );
      request.on("error", failed);
      request.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("error", failed);
        response.on("end", () => resolve({ outcome: String(response.statusCode), pod: podIn(response, text) }));
      });
      request.end(body);
    });
    this.timed.push({ sentAtMs, endedAtMs: performance.now(), outcome, pod });
  }
}

function podIn({ statusCode }: http.IncomingMessage, text: string): string {
  return statusCode === 200 ? (JSON.parse(text) as Echo).pod : "";
}
