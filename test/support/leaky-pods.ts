/** Pods that say secrets wherever a pod can say something: on pages, in errors, in redirects, in broken HTTP. */
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { KEY, MODEL, PROMPT } from "./canary.ts";

export interface LeakyPods {
  readonly addresses: readonly string[];
  /** Authorization headers that reached them. */
  readonly tokens: ReadonlySet<string>;
  close(): void;
}

const page = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n";
const list = JSON.stringify({ object: "list", data: [{ id: MODEL, object: "model" }] });

type Serve = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const kinds: readonly Serve[] = [
  // A good one, but for what nobody reads.
  ({ url }, response) => response.end(url === "/metrics" ? `# ${PROMPT}\n${page}` : list),
  ({ headers }, response) => response.writeHead(500, { "x-said": KEY }).end(`${PROMPT} ${headers.authorization}`),
  (_request, response) => response.writeHead(302, { location: `http://${KEY}@127.0.0.1/?q=${PROMPT}` }).end(PROMPT),
  (_request, response) =>
    response.end(`vllm:num_requests_waiting{${PROMPT} x\n${KEY}\nvllm:num_requests_running ${PROMPT}\n`),
  ({ url }, response) => response.end(url === "/metrics" ? page : `{"data":[{"id":{"${PROMPT}":"${KEY}"}} ${PROMPT}`),
  (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(`${PROMPT}${KEY}`),
];

/** Not even HTTP. */
const broken = [
  `${PROMPT} ${KEY}\r\n\r\n`,
  `HTTP/1.1 200 ${PROMPT}\r\n${KEY} ${PROMPT}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\ncontent-length: ${KEY}\r\n\r\n`,
];

export async function startLeakyPods(): Promise<LeakyPods> {
  const tokens = new Set<string>();
  const servers = [
    ...kinds.map((serve) =>
      http.createServer((request, response) => {
        tokens.add(request.headers.authorization ?? "");
        serve(request, response);
      }),
    ),
    ...broken.map((text) =>
      net.createServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.end(text));
      }),
    ),
  ];
  const sockets = new Set<net.Socket>();
  for (const server of servers) server.on("connection", (socket: net.Socket) => sockets.add(socket));
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
  return {
    addresses: servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`),
    tokens,
    close: () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
