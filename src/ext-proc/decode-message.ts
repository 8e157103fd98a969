/**
 * Message bytes -> StreamMessage: reads only the fields pointsman uses and leaves the body where it is.
 * Field numbers are those of envoy.service.ext_proc.v3 (see proto/). A body is a view that pins the received buffer:
 * whoever keeps one past the pick keeps the whole message alive.
 */
import { WireReader, wireType } from "./wire.ts";

export type MessageKind =
  | "request_headers"
  | "response_headers"
  | "request_body"
  | "response_body"
  | "request_trailers"
  | "response_trailers"
  | "empty"
  | "malformed";

/** By field number of ProcessingRequest's oneof. */
const kinds: readonly (MessageKind | undefined)[] = [
  undefined,
  undefined,
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
];

const OBSERVABILITY_MODE = 10;
const PROTOCOL_CONFIG = 11;

export class StreamMessage {
  kind: MessageKind = "empty";
  readonly bytes: Buffer;
  endOfStream = false;
  /** The body's byte range, or the header map's. */
  start = 0;
  end = 0;
  /** Value of `:path`, query included; "" when absent. */
  path = "";
  /** -1 when the header is absent or not a number. */
  contentLength = -1;
  /** Is the body in another coding than plain text, so that nobody here can read it? */
  encoded = false;
  observability = false;
  /** BodySendMode values of protocol_config; -1 when the field is missing. */
  requestBodyMode = -1;
  responseBodyMode = -1;
  sendsBodyEarly = false;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  body(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }
}

const reader = new WireReader();

/** Never throws and never reads outside `bytes`; what cannot be read is of kind "malformed". */
export function decodeMessage(bytes: Buffer): StreamMessage {
  const message = new StreamMessage(bytes);
  const end = bytes.length;
  reader.reset(bytes);
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    const number = tag >>> 3;
    const type = tag & 7;
    if (reader.failed) break;
    const kind = number < kinds.length ? kinds[number] : undefined;
    if (kind !== undefined && type === wireType.lengthDelimited) decodePart(message, kind, end);
    else if (number === PROTOCOL_CONFIG && type === wireType.lengthDelimited) decodeProtocolConfig(message, end);
    else if (number === OBSERVABILITY_MODE && type === wireType.varint)
      message.observability = reader.varint(end) !== 0;
    else reader.skip(type, end);
  }
  if (reader.failed) message.kind = "malformed";
  return message;
}

/** One member of the oneof; as in every protobuf reader the last one wins. */
function decodePart(message: StreamMessage, kind: MessageKind, outerEnd: number): void {
  message.kind = kind;
  message.endOfStream = false;
  message.start = message.end = 0;
  message.path = "";
  message.contentLength = -1;
  message.encoded = false;
  const end = reader.lengthEnd(outerEnd);
  if (reader.failed) return;
  if (kind === "request_body" || kind === "response_body") decodeBody(message, end);
  else decodeHeaders(message, end, kind === "request_headers");
}

/** HttpBody: body 1, end_of_stream 2. */
function decodeBody(message: StreamMessage, end: number): void {
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8 + wireType.lengthDelimited) {
      const bodyEnd = reader.lengthEnd(end);
      message.start = reader.at;
      message.end = bodyEnd;
      if (!reader.failed) reader.at = bodyEnd;
    } else if (tag === 16) message.endOfStream = reader.varint(end) !== 0;
    else reader.skip(tag & 7, end);
  }
}

/** HttpHeaders: headers 1, end_of_stream 3. HttpTrailers: trailers 1. Both hold HeaderMap { headers 1 }. */
function decodeHeaders(message: StreamMessage, end: number, isRequest: boolean): void {
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8 + wireType.lengthDelimited) {
      const mapEnd = reader.lengthEnd(end);
      message.start = reader.at;
      message.end = mapEnd;
      decodeHeaderMap(message, mapEnd, isRequest);
    } else if (tag === 24) message.endOfStream = reader.varint(end) !== 0;
    else reader.skip(tag & 7, end);
  }
}

function decodeHeaderMap(message: StreamMessage, end: number, isRequest: boolean): void {
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8 + wireType.lengthDelimited) {
      const headerEnd = reader.lengthEnd(end);
      readHeader(headerEnd);
      if (isRequest && !reader.failed) noteHeader(message);
    } else reader.skip(tag & 7, end);
  }
}

// The header read last, as ranges of reader.bytes: no object per header.
let keyStart = 0;
let keyEnd = 0;
let valueStart = 0;
let valueEnd = 0;

/** HeaderValue: key 1, value 2, raw_value 3. Envoy fills raw_value; an older sender fills value. */
function readHeader(end: number): void {
  keyStart = keyEnd = valueStart = valueEnd = 0;
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    const number = tag >>> 3;
    if ((tag & 7) !== wireType.lengthDelimited || number > 3) {
      reader.skip(tag & 7, end);
      continue;
    }
    const fieldEnd = reader.lengthEnd(end);
    if (reader.failed) return;
    if (number === 1) {
      keyStart = reader.at;
      keyEnd = fieldEnd;
    } else if (fieldEnd > reader.at) {
      valueStart = reader.at;
      valueEnd = fieldEnd;
    }
    reader.at = fieldEnd;
  }
}

const PATH = Buffer.from(":path");
const CONTENT_LENGTH = Buffer.from("content-length");
const CONTENT_ENCODING = Buffer.from("content-encoding");
const IDENTITY = "identity";

function noteHeader(message: StreamMessage): void {
  if (keyIs(PATH)) message.path = reader.bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(CONTENT_LENGTH)) message.contentLength = decimal();
  else if (keyIs(CONTENT_ENCODING))
    message.encoded = reader.bytes.toString("latin1", valueStart, valueEnd) !== IDENTITY;
}

function keyIs(name: Buffer): boolean {
  if (keyEnd - keyStart !== name.length) return false;
  const bytes = reader.bytes;
  for (let i = 0; i < name.length; i++) {
    if (bytes[keyStart + i] !== name[i]) return false;
  }
  return true;
}

function decimal(): number {
  let value = valueEnd > valueStart && valueEnd - valueStart <= 15 ? 0 : -1;
  for (let at = valueStart; at < valueEnd && value >= 0; at++) {
    const digit = reader.bytes[at]! - 0x30;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : -1;
  }
  return value;
}

/** ProtocolConfiguration: request_body_mode 1, response_body_mode 2, send_body_without_waiting_for_header_response 3. */
function decodeProtocolConfig(message: StreamMessage, outerEnd: number): void {
  const end = reader.lengthEnd(outerEnd);
  message.requestBodyMode = message.responseBodyMode = 0;
  message.sendsBodyEarly = false;
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8) message.requestBodyMode = reader.varint(end);
    else if (tag === 16) message.responseBodyMode = reader.varint(end);
    else if (tag === 24) message.sendsBodyEarly = reader.varint(end) !== 0;
    else reader.skip(tag & 7, end);
  }
}

/** A header's value by lower-case name, read on demand from a headers message; "" when absent. */
export function headerValue(message: StreamMessage, name: Buffer): string {
  reader.reset(message.bytes);
  reader.at = message.start;
  while (reader.at < message.end && !reader.failed) {
    const tag = reader.tag(message.end);
    if (tag !== 8 + wireType.lengthDelimited) {
      reader.skip(tag & 7, message.end);
      continue;
    }
    readHeader(reader.lengthEnd(message.end));
    if (!reader.failed && keyIs(name)) return reader.bytes.toString("latin1", valueStart, valueEnd);
  }
  return "";
}
