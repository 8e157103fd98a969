/** A message's headers: the few that routing reads are noted as they pass, any other is read on demand. */
import { controlBit } from "./control-names.ts";
import type { StreamMessage } from "./decode-message.ts";
import { WireReader, wireType } from "./wire.ts";

/** HeaderMap { headers 1 }, from where `reader` stands. */
export function decodeHeaderMap(reader: WireReader, message: StreamMessage, end: number): void {
  while (reader.at < end && !reader.failed) {
    const tag = reader.tag(end);
    if (reader.failed) return;
    if (tag === 8 + wireType.lengthDelimited) {
      const headerEnd = reader.lengthEnd(end);
      readHeader(reader, headerEnd);
      if (reader.failed) return;
      if (message.kind === "request_headers") noteHeader(reader.bytes, message);
      else if (message.kind === "response_headers" && keyIs(reader.bytes, STATUS))
        message.status = decimal(reader.bytes);
    } else reader.skip(tag & 7, end);
  }
}

// The header read last, as ranges of reader.bytes: no object per header.
let keyStart = 0;
let keyEnd = 0;
let valueStart = 0;
let valueEnd = 0;

/** HeaderValue: key 1, value 2, raw_value 3. Envoy fills raw_value; an older sender fills value. */
function readHeader(reader: WireReader, end: number): void {
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
const METHOD = Buffer.from(":method");
const STATUS = Buffer.from(":status");
const POOL = Buffer.from("x-pointsman-pool");
const CONTENT_LENGTH = Buffer.from("content-length");
const CONTENT_TYPE = Buffer.from("content-type");
const CONTENT_ENCODING = Buffer.from("content-encoding");
const REQUEST_ID = Buffer.from("x-request-id");
const PREFER = Buffer.from("prefer");

function noteHeader(bytes: Buffer, message: StreamMessage): void {
  if (keyIs(bytes, PATH)) message.path = bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(bytes, METHOD)) message.method = bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(bytes, POOL)) message.pool = bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(bytes, CONTENT_LENGTH)) message.contentLength = decimal(bytes);
  else if (keyIs(bytes, CONTENT_TYPE)) message.contentType = bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(bytes, CONTENT_ENCODING)) message.contentEncoding = bytes.toString("latin1", valueStart, valueEnd);
  else if (keyIs(bytes, REQUEST_ID)) message.hasRequestId = valueEnd > valueStart;
  else if (keyIs(bytes, PREFER)) message.prefer += `${bytes.toString("latin1", valueStart, valueEnd)},`;
  else message.controlBits |= controlBit(bytes, keyStart, keyEnd);
}

function keyIs(bytes: Buffer, name: Buffer): boolean {
  if (keyEnd - keyStart !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (bytes[keyStart + i] !== name[i]) return false;
  }
  return true;
}

function decimal(bytes: Buffer): number {
  let value = valueEnd > valueStart && valueEnd - valueStart <= 15 ? 0 : -1;
  for (let at = valueStart; at < valueEnd && value >= 0; at++) {
    const digit = bytes[at]! - 0x30;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : -1;
  }
  return value;
}

const onDemand = new WireReader();

/** A header's value by lower-case name, read on demand from a headers message; "" when absent. */
export function headerValue(message: StreamMessage, name: Buffer): string {
  const { bytes } = message;
  onDemand.reset(message.bytes);
  onDemand.at = message.start;
  while (onDemand.at < message.end && !onDemand.failed) {
    const tag = onDemand.tag(message.end);
    if (tag !== 8 + wireType.lengthDelimited) {
      onDemand.skip(tag & 7, message.end);
      continue;
    }
    readHeader(onDemand, onDemand.lengthEnd(message.end));
    if (!onDemand.failed && keyIs(bytes, name)) return bytes.toString("latin1", valueStart, valueEnd);
  }
  return "";
}

/** All headers of a message by lower-case name, without those of HTTP/2; what came several times is joined as HTTP has it. */
export function headersOf(message: StreamMessage): Record<string, string> {
  const { bytes } = message;
  const headers: Record<string, string> = {};
  onDemand.reset(bytes);
  onDemand.at = message.start;
  while (onDemand.at < message.end && !onDemand.failed) {
    const tag = onDemand.tag(message.end);
    if (tag !== 8 + wireType.lengthDelimited) {
      onDemand.skip(tag & 7, message.end);
      continue;
    }
    readHeader(onDemand, onDemand.lengthEnd(message.end));
    const name = bytes.toString("latin1", keyStart, keyEnd);
    if (onDemand.failed || name === "" || name.startsWith(":")) continue;
    const value = bytes.toString("latin1", valueStart, valueEnd);
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
