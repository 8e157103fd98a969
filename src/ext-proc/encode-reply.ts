/**
 * Replies as bytes: constants and streamed body chunks. The pick is in destination-header.ts, what pointsman answers
 * itself in encode-immediate.ts.
 * Field numbers are those of envoy.service.ext_proc.v3.ProcessingResponse (see proto/).
 */
import { field, framed, varintField, varintLength, writeVarint } from "./wire.ts";

/** Fields of ProcessingResponse's oneof. */
export const part = {
  requestHeaders: 1,
  responseHeaders: 2,
  requestBody: 3,
  responseBody: 4,
  requestTrailers: 5,
  responseTrailers: 6,
  immediate: 7,
} as const;

/** "Go on, nothing to change", one per kind of message. */
export const proceed = {
  requestHeaders: field(part.requestHeaders),
  responseHeaders: field(part.responseHeaders),
  requestBody: field(part.requestBody),
  responseBody: field(part.responseBody),
  requestTrailers: field(part.requestTrailers),
  responseTrailers: field(part.responseTrailers),
} as const;

/** HeaderValueOption { header 1 { key 1, raw_value 3 }, append_action 3 = OVERWRITE_IF_EXISTS_OR_ADD }. */
export function setHeader(name: string, value: string | Buffer): Buffer {
  return field(1, field(1, field(1, name), field(3, value)), varintField(3, 2));
}

/**
 * A reply in pieces: HeadersResponse or BodyResponse { response 1 }, CommonResponse { header_mutation 2, body_mutation 3
 * { body 1 } }. `mutation` is an encoded header_mutation, empty for none; a body goes into the answer to one.
 */
export function commonResponse(kind: keyof typeof part, mutation: Buffer, body?: readonly Buffer[]): readonly Buffer[] {
  const bodyMutation = body === undefined ? [] : framed(3, framed(1, body));
  return framed(part[kind], framed(1, [mutation, ...bodyMutation]));
}

/** HeaderMutation { remove_headers 2 }. */
export function removeHeader(name: string): Buffer {
  return field(2, name);
}

/** Bytes of body per streamed reply: Envoy advises at most 64 KiB a message. */
export const STREAMED_CHUNK_BYTES = 62_000;

export type StreamedPart = "requestBody" | "responseBody";

/**
 * BodyResponse { response 1 { body_mutation 3 { streamed_response 3 { body 1, end_of_stream 2 } } } },
 * written into one buffer, so that the body is copied once.
 */
export function encodeStreamedBody(direction: StreamedPart, body: Uint8Array, endOfStream: boolean): Buffer {
  const bodyField = body.length === 0 ? 0 : 1 + varintLength(body.length) + body.length;
  const streamed = bodyField + (endOfStream ? 2 : 0);
  const mutation = 1 + varintLength(streamed) + streamed;
  const common = 1 + varintLength(mutation) + mutation;
  const response = 1 + varintLength(common) + common;
  const bytes = Buffer.allocUnsafe(1 + varintLength(response) + response);
  let at = writeLength(bytes, 0, part[direction], response);
  at = writeLength(bytes, at, 1, common);
  at = writeLength(bytes, at, 3, mutation);
  at = writeLength(bytes, at, 3, streamed);
  if (body.length > 0) {
    at = writeLength(bytes, at, 1, body.length);
    bytes.set(body, at);
    at += body.length;
  }
  if (endOfStream) {
    bytes[at] = 2 << 3;
    bytes[at + 1] = 1;
  }
  return bytes;
}

function writeLength(target: Buffer, at: number, number: number, length: number): number {
  target[at] = (number << 3) | 2;
  return writeVarint(target, at + 1, length);
}
