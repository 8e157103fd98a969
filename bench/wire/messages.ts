/** The gRPC frames of a bench stream, encoded beforehand: the load client must not be what is measured. */
import { type BodySendMode, headerMap, type ProcessingRequest, protoMethods } from "../../src/ext-proc/messages.ts";

export type WireMode = "buffered" | "duplex";

const GROUPS = 8;
const MARK = "#0000000000#";
const words = "the picker reads the head of each prompt and asks which pod has seen it before ";

/** Half of the prompt is the system message that a group shares; the mark in the other half makes each body new. */
function chatBody(bytes: number, group: number): Buffer {
  const shell = (shared: string, own: string) => {
    const messages = [
      { role: "system", content: shared },
      { role: "user", content: own },
    ];
    return JSON.stringify({ model: "bench", messages });
  };
  const room = Math.max(bytes - shell("", "").length - MARK.length, 16);
  const text = (length: number, seed: string) =>
    (seed + words.repeat(Math.ceil(length / words.length))).slice(0, length);
  const shared = Math.ceil(room / 2);
  return Buffer.from(shell(text(shared, `group ${group}: `), MARK + text(room - shared, "")));
}

/** What a chat request through Envoy carries, by count and size. */
function headersMessage(mode: WireMode, bodyBytes: number, response_body_mode: BodySendMode): ProcessingRequest {
  const headers = headerMap({
    ":authority": "inference.example.com",
    ":path": "/v1/chat/completions",
    ":method": "POST",
    ":scheme": "https",
    "user-agent": "OpenAI/Python 1.99.0",
    accept: "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "content-length": String(bodyBytes),
    authorization: "Bearer sk-0123456789abcdef0123456789abcdef",
    "x-stainless-lang": "python",
    "x-stainless-runtime": "CPython",
    "x-stainless-async": "false",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-proto": "https",
    "x-request-id": "5c9b1c1e-6f2a-4f5e-9a55-0a6b7c8d9e0f",
  });
  const request_body_mode: BodySendMode = mode === "duplex" ? "FULL_DUPLEX_STREAMED" : "BUFFERED";
  return { request_headers: { headers }, protocol_config: { request_body_mode, response_body_mode } };
}

/** A gRPC message as it stands in a stream. */
export function frame(message: ProcessingRequest): Buffer {
  const bytes = protoMethods().process.requestSerialize(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The frames one stream at a time may use: the mark in its bodies is rewritten in place. */
export class StreamFrames {
  readonly headers: Buffer;
  /** The empty last message of a duplex body. */
  readonly end = frame({ request_body: { end_of_stream: true } });
  readonly #bodies: { bytes: Buffer; mark: number }[];

  constructor(mode: WireMode, bodyBytes: number, answerMode: BodySendMode = "NONE") {
    this.headers = frame(headersMessage(mode, bodyBytes, answerMode));
    this.#bodies = Array.from({ length: GROUPS }, (_, group) => {
      const bytes = frame({ request_body: { body: chatBody(bodyBytes, group), end_of_stream: mode === "buffered" } });
      return { bytes, mark: bytes.indexOf(MARK) + 1 };
    });
  }

  /** The body message of stream number `turn`. */
  body(turn: number): Buffer {
    const { bytes, mark } = this.#bodies[turn % GROUPS] as { bytes: Buffer; mark: number };
    bytes.write(String(turn).padStart(MARK.length - 2, "0"), mark, "latin1");
    return bytes;
  }
}
