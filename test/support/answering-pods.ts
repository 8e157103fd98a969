/** Pods that give one known answer to each request that names it, in as many pieces as the request asks for. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { KnownAnswer } from "./recorded-answers.ts";

export interface AnsweringPods {
  readonly addresses: readonly string[];
  /** The client of the answer in step with this name has so many bytes of it. */
  received(name: string, bytes: number): void;
  close(): void;
}

/** What the picker scrapes: an idle vLLM. */
const metricsPage = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n";

/**
 * Request headers: `x-answer` names the answer; `x-piece` is how many bytes are written at a time, without it all;
 * `x-gzip` wants it compressed, `x-length` with its content-length; `x-status` another status than 200.
 * `x-in-step` names an answer of which each piece is only written once the client has all before it, so that nobody on
 * the way can join them. `thinkingMs` passes between a pod's headers, which name it as `x-pod`, and its first byte.
 */
export async function startAnsweringPods(
  count: number,
  answers: readonly KnownAnswer[],
  thinkingMs: (pod: number) => number = () => 0,
): Promise<AnsweringPods> {
  const byName = new Map(answers.map((answer) => [answer.name, answer]));
  const steps = new Steps();
  const servers = Array.from({ length: count }, (_, pod) =>
    http.createServer((request, response) => {
      const known = byName.get(String(request.headers["x-answer"]));
      if (request.url === "/metrics" || known === undefined) {
        response.end(metricsPage);
        return;
      }
      request.resume();
      response.setHeader("x-pod", pod);
      request.once("end", () => {
        send(known, request.headers, response, { steps, thinkingMs: thinkingMs(pod) }).catch((error: unknown) =>
          response.destroy(error as Error),
        );
      });
    }),
  );
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))),
  );
  return {
    addresses: servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`),
    received: (name, bytes) => steps.received(name, bytes),
    close: () => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

/** Answers in step with their clients, by name. */
class Steps {
  readonly #waiting = new Map<string, { readonly bytes: number; readonly go: () => void }>();
  readonly #received = new Map<string, number>();

  received(name: string, bytes: number): void {
    this.#received.set(name, bytes);
    const waiting = this.#waiting.get(name);
    if (waiting === undefined || waiting.bytes > bytes) return;
    this.#waiting.delete(name);
    waiting.go();
  }

  /** Resolves when the client has so many bytes. */
  async until(name: string, bytes: number): Promise<void> {
    if (bytes <= (this.#received.get(name) ?? 0)) return;
    await new Promise<void>((go) => this.#waiting.set(name, { bytes, go }));
  }
}

async function send(
  { contentType, body }: KnownAnswer,
  asked: http.IncomingHttpHeaders,
  response: http.ServerResponse,
  { steps, thinkingMs }: { steps: Steps; thinkingMs: number },
): Promise<void> {
  const gzip = asked["x-gzip"] !== undefined;
  const bytes = gzip ? gzipSync(body) : body;
  const piece = Number(asked["x-piece"] ?? bytes.length);
  response.writeHead(Number(asked["x-status"] ?? 200), {
    "content-type": contentType,
    ...(gzip && { "content-encoding": "gzip" }),
    ...(asked["x-length"] !== undefined && { "content-length": bytes.length }),
  });
  response.flushHeaders();
  if (thinkingMs > 0) await delay(thinkingMs);
  const inStep = asked["x-in-step"];
  for (let at = 0; at < bytes.length; at += piece) {
    if (inStep !== undefined) await steps.until(String(inStep), at);
    await new Promise<void>((resolve) => response.write(bytes.subarray(at, at + piece), () => resolve()));
    await nextTurn();
  }
  response.end();
}
