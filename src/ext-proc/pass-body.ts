/** Answers body messages that are only passed on. */
import type { BodyMode } from "./body-mode.ts";
import { encodeStreamedBody, proceed, STREAMED_CHUNK_BYTES, type StreamedPart } from "./encode-reply.ts";
import type { StreamPort } from "./stream-host.ts";

/** A duplex body travels on only in our replies, byte for byte; in every other mode Envoy keeps its own copy. */
export function passBody(port: StreamPort, part: StreamedPart, mode: BodyMode, body: Buffer, end: boolean): void {
  if (mode !== "duplex") {
    port.send(proceed[part]);
    return;
  }
  let at = 0;
  do {
    const next = Math.min(at + STREAMED_CHUNK_BYTES, body.length);
    port.send(encodeStreamedBody(part, body.subarray(at, next), end && next === body.length));
    at = next;
  } while (at < body.length);
}
