/**
 * The load of the sizing bench, in a process of its own: streams whose answers pass through the picker piece by piece, and
 * streams that stay open as they do for as long as an answer takes. It is told what to do over IPC.
 */
import http2 from "node:http2";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { frame, StreamFrames } from "../wire/messages.ts";

export type SizingOrder =
  /** One after the other, `concurrency` at a time, each with so many pieces of an answer. */
  | {
      readonly kind: "answers";
      readonly port: number;
      readonly pieces: number;
      readonly concurrency: number;
      readonly durationMs: number;
    }
  /** Picked for, and then left open until the process ends. */
  | { readonly kind: "hold"; readonly port: number; readonly streams: number };

export interface SizingResult {
  readonly streams: number;
  readonly pieces: number;
  readonly elapsedMs: number;
}

const requestHeaders = {
  ":method": "POST",
  ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
  "content-type": "application/grpc",
  te: "trailers",
};
const BODY_BYTES = 2000;
const DESTINATION = "x-gateway-destination-endpoint";
const STREAMS_PER_CONNECTION = 1000;

const delta = { index: 0, delta: { content: " word" }, logprobs: null, finish_reason: null };
const event = {
  id: "chatcmpl-0123456789abcdef",
  object: "chat.completion.chunk",
  created: 1,
  model: "bench",
  choices: [delta],
};
const piece = frame({ response_body: { body: Buffer.from(`data: ${JSON.stringify(event)}\n\n`) } });
const answerHead = frame({
  response_headers: { headers: headerMap({ ":status": "200", "content-type": "text/event-stream" }) },
});
const answerEnd = frame({ response_body: { body: Buffer.from("data: [DONE]\n\n"), end_of_stream: true } });

function connect(port: number): Promise<http2.ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<http2.ClientHttp2Session>();
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.once("error", reject);
  session.once("connect", () => resolve(session));
  return promise;
}

/** Resolves with how many pieces the picker was shown. Each waits for the word about the one before, as tokens come. */
function answeredStream(session: http2.ClientHttp2Session, frames: StreamFrames, turn: number, pieces: number) {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stream = session.request(requestHeaders);
  for (const bytes of [frames.headers, frames.body(turn), frames.end]) stream.write(bytes);
  let isPicked = false;
  let sent = 0;
  stream.on("data", (chunk: Buffer) => {
    if (!isPicked) {
      isPicked = chunk.includes(DESTINATION);
      if (isPicked) stream.write(answerHead);
    } else if (sent < pieces) {
      sent++;
      stream.write(piece);
    } else if (!stream.writableEnded) {
      stream.end(answerEnd);
    }
  });
  stream.on("error", reject);
  stream.on("close", () => (sent === pieces ? resolve(sent) : reject(new Error(`ended after ${sent} pieces`))));
  return promise;
}

async function answers({
  port,
  pieces,
  concurrency,
  durationMs,
}: SizingOrder & { kind: "answers" }): Promise<SizingResult> {
  const session = await connect(port);
  const startedAt = performance.now();
  const result = { streams: 0, pieces: 0 };
  const loop = async () => {
    const frames = new StreamFrames("duplex", BODY_BYTES, "FULL_DUPLEX_STREAMED");
    while (performance.now() - startedAt < durationMs) {
      result.pieces += await answeredStream(session, frames, result.streams++, pieces);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  session.close();
  return { ...result, elapsedMs: performance.now() - startedAt };
}

/** Over as many connections as a few Envoys have workers. */
async function hold({ port, streams }: SizingOrder & { kind: "hold" }): Promise<SizingResult> {
  const startedAt = performance.now();
  const frames = new StreamFrames("buffered", BODY_BYTES);
  const count = Math.ceil(streams / STREAMS_PER_CONNECTION);
  const sessions = await Promise.all(Array.from({ length: count }, () => connect(port)));
  const openOne = (turn: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stream = (sessions[turn % count] as http2.ClientHttp2Session).request(requestHeaders);
    stream.write(frames.headers);
    let isFirst = true;
    stream.on("data", (chunk: Buffer) => {
      if (isFirst) stream.write(frames.body(turn));
      isFirst = false;
      if (chunk.includes(DESTINATION)) resolve();
    });
    stream.on("error", reject);
    return promise;
  };
  for (let turn = 0; turn < streams; turn++) await openOne(turn);
  return { streams, pieces: 0, elapsedMs: performance.now() - startedAt };
}

process.on("message", (order: SizingOrder) => {
  const done = order.kind === "hold" ? hold(order) : answers(order);
  done.then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
