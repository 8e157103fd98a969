/** The ways a client can frame one request body, and clients that do it. */

import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { Readable } from "node:stream";
import type { Echo } from "./echo-backend.ts";

export const framings = [
  "h1 content-length",
  "h1 chunked",
  "h1 chunked + trailers",
  "h2 content-length",
  "h2 no length",
  "h2 trailers",
] as const;
export type Framing = (typeof framings)[number];

export const hasTrailers = (framing: Framing): boolean => framing.includes("trailers");
const hasLength = (framing: Framing): boolean => framing.includes("content-length");

/** The trailer that framings with trailers send. */
export const trailer = { name: "x-check-trailer", value: "behind-the-body" };

export interface Ask {
  readonly port: number;
  readonly framing: Framing;
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told how many bytes of the answer have come, as they come; HTTP/1 only. */
  readonly onReceived?: (bytes: number) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
  readonly trailers: NodeJS.Dict<string | string[]>;
}

/** Written in pieces, so that a chunked body has chunks. */
const PIECE = 256 * 1024;

/** What a vLLM pod insists on. */
const asJson = { "content-type": "application/json" };

/** POSTs on a connection of its own, JSON unless the headers say otherwise. */
export function ask(question: Ask): Promise<Answer> {
  return question.framing.startsWith("h1") ? askHttp1(question) : askHttp2(question);
}

/** The backend's account of the request; fails on an answer that is none. */
export function echoOf(answer: Answer): Echo {
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.subarray(0, 300)}`);
  return JSON.parse(answer.body.toString()) as Echo;
}

async function askHttp1({ port, framing, path, body, headers, onReceived }: Ask): Promise<Answer> {
  const request = http.request({
    port,
    host: "127.0.0.1",
    path,
    method: "POST",
    agent: false,
    headers: { ...asJson, ...headers },
  });
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  if (hasLength(framing)) request.setHeader("content-length", body.length);
  else request.setHeader("transfer-encoding", "chunked");
  if (hasTrailers(framing)) {
    request.setHeader("trailer", trailer.name);
    request.addTrailers({ [trailer.name]: trailer.value });
  }
  // An early answer (413, 503) may cut the upload short: the answer is what counts.
  request.on("error", () => undefined);
  for (const piece of pieces(body)) request.write(piece);
  request.end();
  const [response] = await answered;
  const received = await readAll(response, onReceived);
  return { status: response.statusCode ?? 0, headers: response.headers, body: received, trailers: response.trailers };
}

async function askHttp2({ port, framing, path, body, headers }: Ask): Promise<Answer> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    await once(session, "connect");
    const length = hasLength(framing) ? { "content-length": body.length } : {};
    const head = { ":method": "POST", ":path": path, ...length, ...asJson, ...headers };
    const stream = session.request(head, { waitForTrailers: hasTrailers(framing), endStream: false });
    stream.on("wantTrailers", () => stream.sendTrailers({ [trailer.name]: trailer.value }));
    let trailers: NodeJS.Dict<string | string[]> = {};
    stream.on("trailers", (received) => {
      trailers = received;
    });
    const gone = once(stream, "close").then(() => Promise.reject(new Error(`no answer, reset code ${stream.rstCode}`)));
    type Head = [http2.IncomingHttpHeaders & { ":status"?: number }];
    const answered = Promise.race([once(stream, "response") as Promise<Head>, gone]);
    // Also after the answer the stream closes.
    gone.catch(() => undefined);
    for (const piece of pieces(body)) stream.write(piece);
    stream.end();
    const [received] = await answered;
    return { status: received[":status"] ?? 0, headers: received, body: await readAll(stream), trailers };
  } finally {
    session.destroy();
  }
}

function* pieces(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += PIECE) yield body.subarray(at, at + PIECE);
}

async function readAll(stream: Readable, onReceived?: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    onReceived?.(bytes);
  }
  return Buffer.concat(chunks);
}
