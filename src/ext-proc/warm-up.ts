/**
 * Runs synthetic streams through codec, parsing, scoring and reply before the picker reports ready: cold code is what
 * the tail of the first requests is made of. The host is one built for the purpose, to be thrown away.
 */
import { decodeMessage } from "./decode-message.ts";
import { Stream } from "./stream.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";
import { field, varintField } from "./wire.ts";

const STREAMS = 3_000;
const PROMPT_BYTES = 600;

const silentPort: StreamPort = { send: () => {}, end: () => {}, peer: () => "warm-up" };

export function warmUp(host: StreamHost): void {
  const buffered = headersMessage(2);
  const duplex = headersMessage(4);
  for (let i = 0; i < STREAMS; i++) {
    const stream = new Stream(silentPort, host);
    stream.on(decodeMessage(i % 2 === 0 ? buffered : duplex));
    stream.on(decodeMessage(bodyMessage(i)));
    stream.onHalfClose();
  }
}

/** ProcessingRequest { request_headers 2 { headers 1 }, protocol_config 11 { request_body_mode 1 } }. */
function headersMessage(requestBodyMode: number): Buffer {
  const header = (key: string, value: string) => field(1, field(1, key), field(3, value));
  const headers = [
    header(":method", "POST"),
    header(":path", "/v1/chat/completions"),
    header(":authority", "warm.up"),
    header("content-type", "application/json"),
    header("x-request-id", "00000000-0000-0000-0000-000000000000"),
  ];
  return Buffer.concat([field(2, field(1, ...headers)), field(11, varintField(1, requestBodyMode))]);
}

/** ProcessingRequest { request_body 4 { body 1, end_of_stream 2 } }. */
function bodyMessage(turn: number): Buffer {
  const content = `${"a shared system prompt, ".repeat(PROMPT_BYTES / 24)}${turn}`;
  const body = JSON.stringify({ model: "warm-up", messages: [{ role: "user", content }], stream: true });
  return field(4, field(1, body), varintField(2, 1));
}
