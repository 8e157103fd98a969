/** Answers body messages that are only passed on. */
import type { BodyMode } from "./body-mode.ts";
import {
  commonResponse,
  encodeStreamedBody,
  proceed,
  STREAMED_CHUNK_BYTES,
  type StreamedPart,
} from "./encode-reply.ts";
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

const NOTHING: Buffer = Buffer.alloc(0);

/** The same for a body that is another than Envoy's copy; `mutation` is an encoded header_mutation where there is one. */
export function passChanged(
  port: StreamPort,
  part: StreamedPart,
  mode: BodyMode,
  body: Buffer,
  end: boolean,
  mutation = NOTHING,
): void {
  if (mode !== "duplex") port.send(Buffer.concat(commonResponse(part, mutation, [body])));
  else if (body.length > 0 || end) passBody(port, part, mode, body, end);
}
