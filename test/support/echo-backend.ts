/**
 * Pods that say what reached them: each on a port of its own that speaks HTTP/1.1 and h2c, all in this process.
 *
 * Request headers choose the answer:
 *   (none)                  JSON of type Echo
 *   x-echo-plain: N         N bytes, their hash in the header x-echo-sha256 and in the trailer x-echo-trailer
 *   x-echo-sse: COUNT/MS    COUNT events MS apart, then [DONE]
 */
import { createHash } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Echo {
  readonly pod: string;
  readonly method: string;
  readonly path: string;
  readonly httpVersion: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
}

export interface EchoPods {
  /** ip:port of each. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse;

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** What the picker scrapes: an idle vLLM. */
const metricsPage = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n";

export async function startEchoPods(count: number, host = "127.0.0.1"): Promise<EchoPods> {
  const pods = await Promise.all(Array.from({ length: count }, () => startEchoPod(host)));
  return {
    addresses: pods.map((pod) => pod.address),
    close: async () => void (await Promise.all(pods.map((pod) => pod.close()))),
  };
}

async function startEchoPod(host: string): Promise<{ address: string; close(): Promise<void> }> {
  let address = "";
  const serve = (request: Request, response: Response) => {
    answer(address, request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const h1 = http.createServer(serve);
  // Node's compatible response of HTTP/2 is one in all that is used here.
  const h2 = http2.createServer((request, response) => serve(request, response as unknown as Response));
  const sockets = new Set<net.Socket>();
  const port = net.createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      const head: unknown = socket.read();
      if (!Buffer.isBuffer(head)) return;
      socket.unshift(head);
      // The first line of an HTTP/2 connection: PRI * HTTP/2.0.
      (head.subarray(0, 3).toString() === "PRI" ? h2 : h1).emit("connection", socket);
    });
  });
  await new Promise<void>((resolve) => port.listen(0, host, resolve));
  address = `${host.includes(":") ? `[${host}]` : host}:${(port.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      port.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { address, close };
}

async function answer(pod: string, request: Request, response: Response): Promise<void> {
  if (request.url === "/metrics") {
    response.end(metricsPage);
    return;
  }
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const { "x-echo-plain": plain, "x-echo-sse": sse } = request.headers;
  if (plain !== undefined) sendPlain(response, Number(plain));
  else if (sse !== undefined) await sendEvents(response, String(sse));
  else {
    const echo: Echo = {
      pod,
      method: request.method ?? "",
      path: request.url ?? "",
      httpVersion: request.httpVersion,
      bytes,
      sha256: hash.digest("hex"),
      headers: asRecord(request.headers),
      trailers: asRecord(request.trailers),
    };
    const text = JSON.stringify(echo);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  }
}

function sendPlain(response: Response, bytes: number): void {
  const body = Buffer.alloc(bytes, "All of these bytes must arrive. ");
  response.setHeader("content-type", "application/octet-stream");
  response.setHeader("x-echo-sha256", sha256(body));
  response.setHeader("trailer", "x-echo-trailer");
  response.addTrailers({ "x-echo-trailer": sha256(body) });
  response.end(body);
}

async function sendEvents(response: Response, plan: string): Promise<void> {
  const [count = 0, pauseMs = 0] = plan.split("/").map(Number);
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let i = 0; i < count; i++) {
    response.write(`data: {"event":${i}}\n\n`);
    await delay(pauseMs);
  }
  response.end("data: [DONE]\n\n");
}

function asRecord(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
