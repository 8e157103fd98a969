/**
 * The load of the wire bench, in a process of its own: ext_proc streams over raw node:http2, closed loop. It is told
 * what to do over IPC and answers with what happened.
 */
import http2 from "node:http2";
import { StreamFrames, type WireMode } from "./messages.ts";

export interface LoadOrder {
  readonly port: number;
  readonly mode: WireMode;
  readonly bodyBytes: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly durationMs: number;
  /** What the client calls the picker; absent: by its address. */
  readonly authority?: string | undefined;
}

export interface LoadResult {
  readonly streams: number;
  readonly failures: number;
  readonly elapsedMs: number;
}

const requestHeaders = {
  ":method": "POST",
  ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
  "content-type": "application/grpc",
  te: "trailers",
};
const WINDOW_BYTES = 16 * 1024 * 1024;
const DESTINATION = "x-gateway-destination-endpoint";
/** The destination stands at the beginning of a reply. */
const SEARCHED_BYTES = 300;

/** Rises over all loads of this process, so that no body ever comes twice. */
let turn = 0;

async function run(order: LoadOrder): Promise<LoadResult> {
  const sessions = Array.from({ length: order.connections }, () => connect(order.port));
  const ready = await Promise.all(sessions);
  const startedAt = performance.now();
  const endsAt = startedAt + order.durationMs;
  const { authority } = order;
  const headers = authority === undefined ? requestHeaders : { ...requestHeaders, ":authority": authority };
  let streams = 0;
  let failures = 0;
  const loop = async (session: http2.ClientHttp2Session) => {
    const frames = new StreamFrames(order.mode, order.bodyBytes);
    while (performance.now() < endsAt) {
      const isWell = await oneStream(session, headers, order.mode, frames);
      streams++;
      if (!isWell) failures++;
    }
  };
  const loops = Array.from({ length: order.concurrency }, (_, i) => loop(ready[i % ready.length] as (typeof ready)[0]));
  await Promise.all(loops);
  const elapsedMs = performance.now() - startedAt;
  for (const session of ready) session.close();
  return { streams, failures, elapsedMs };
}

function connect(port: number): Promise<http2.ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<http2.ClientHttp2Session>();
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  session.once("error", reject);
  session.once("connect", () => {
    session.setLocalWindowSize(WINDOW_BYTES);
    resolve(session);
  });
  return promise;
}

/** True when the stream ended OK and its answers named a pod. */
function oneStream(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  mode: WireMode,
  frames: StreamFrames,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stream = session.request(headers);
  let hasDestination = false;
  let isOk = false;
  let isFirst = true;
  stream.write(frames.headers);
  if (mode === "duplex") {
    stream.write(frames.body(turn++));
    stream.end(frames.end);
  }
  stream.on("data", (chunk: Buffer) => {
    hasDestination ||= chunk.subarray(0, SEARCHED_BYTES).includes(DESTINATION);
    // Buffered: the body waits for the answer to the headers, as in Envoy.
    if (isFirst && mode === "buffered") stream.end(frames.body(turn++));
    isFirst = false;
  });
  stream.on("trailers", (trailers) => {
    isOk = trailers["grpc-status"] === "0";
  });
  stream.on("error", () => {});
  stream.on("close", () => resolve(isOk && hasDestination));
  return promise;
}

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
