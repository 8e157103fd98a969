/**
 * Message bytes -> StreamMessage: reads only the fields pointsman uses and leaves the body where it is.
 * Field numbers are those of envoy.service.ext_proc.v3 (see proto/). A body is a view that pins the received buffer:
 * whoever keeps one past the pick keeps the whole message alive.
 */
import { decodeHeaderMap } from "./header-map.ts";
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

const METADATA_CONTEXT = 8;
const ATTRIBUTES = 9;
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
  /** Value of `:method`; "" when absent. */
  method = "";
  /** Value of `x-pointsman-pool`; "" when absent. */
  pool = "";
  /** Value of a response's `:status`; -1 when absent. */
  status = -1;
  /** -1 when the header is absent or not a number. */
  contentLength = -1;
  /** Values of content-type and content-encoding; "" when absent. */
  contentType = "";
  contentEncoding = "";
  /** Which of the names in control-names.ts came. */
  controlBits = 0;
  hasRequestId = false;
  /** The preferences of `prefer`, each header's value followed by a comma; "" when absent. */
  prefer = "";
  observability = false;
  /** Byte ranges of metadata_context and of the first of attributes, for read-metadata.ts; empty when absent. */
  metadataStart = 0;
  metadataEnd = 0;
  attributesStart = 0;
  attributesEnd = 0;
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
    else if (number === METADATA_CONTEXT && type === wireType.lengthDelimited) noteMetadata(message, end);
    else if (number === ATTRIBUTES && type === wireType.lengthDelimited) noteAttributes(message, end);
    else reader.skip(type, end);
  }
  if (reader.failed) message.kind = "malformed";
  return message;
}

function noteMetadata(message: StreamMessage, outerEnd: number): void {
  const end = reader.lengthEnd(outerEnd);
  if (reader.failed) return;
  message.metadataStart = reader.at;
  message.metadataEnd = end;
  reader.at = end;
}

/** A map entry for each ext_proc filter of the chain; Envoy sends its own alone. */
function noteAttributes(message: StreamMessage, outerEnd: number): void {
  const end = reader.lengthEnd(outerEnd);
  if (reader.failed) return;
  if (message.attributesEnd === 0) {
    message.attributesStart = reader.at;
    message.attributesEnd = end;
  }
  reader.at = end;
}

/** One member of the oneof; as in every protobuf reader the last one wins. */
function decodePart(message: StreamMessage, kind: MessageKind, outerEnd: number): void {
  message.kind = kind;
  message.endOfStream = false;
  message.start = message.end = 0;
  message.path = message.method = message.pool = "";
  message.contentType = message.contentEncoding = message.prefer = "";
  message.controlBits = 0;
  message.hasRequestId = false;
  message.status = -1;
  message.contentLength = -1;
  const end = reader.lengthEnd(outerEnd);
  if (reader.failed) return;
  if (kind === "request_body" || kind === "response_body") decodeBody(message, end);
  else decodeHeaders(message, end);
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
function decodeHeaders(message: StreamMessage, end: number): void {
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8 + wireType.lengthDelimited) {
      const mapEnd = reader.lengthEnd(end);
      message.start = reader.at;
      message.end = mapEnd;
      decodeHeaderMap(reader, message, mapEnd);
    } else if (tag === 24) message.endOfStream = reader.varint(end) !== 0;
    else reader.skip(tag & 7, end);
  }
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
