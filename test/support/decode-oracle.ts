/** Compares what our decoder understood of a message with what protobufjs understood of it. */
import type { StreamMessage } from "../../src/ext-proc/decode-message.ts";
import { headerValue } from "../../src/ext-proc/header-map.ts";
import type { HeaderMap, HeaderValue, HttpBody, HttpHeaders, ProcessingRequest } from "../../src/ext-proc/messages.ts";
import { protoMethods } from "../../src/ext-proc/messages.ts";
import { requestKinds } from "./random-messages.ts";

const modeNames = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC"];

export function encodeRequest(message: ProcessingRequest): Buffer {
  return protoMethods().process.requestSerialize(message);
}

/** undefined: the oracle refuses the bytes. */
export function decodeByOracle(bytes: Buffer): ProcessingRequest | undefined {
  try {
    return protoMethods().process.requestDeserialize(bytes);
  } catch {
    return undefined;
  }
}

/** Empty when both understood the same. */
export function disagreements(ours: StreamMessage, theirs: ProcessingRequest): string[] {
  const found: string[] = [];
  const expect = (what: string, our: unknown, their: unknown) => {
    if (our !== their) found.push(`${what}: ours ${String(our)}, theirs ${String(their)}`);
  };
  const kind = requestKinds.find((name) => theirs[name] !== undefined);
  expect("kind", ours.kind, kind ?? "empty");
  const part: HttpHeaders & HttpBody & { trailers?: HeaderMap } = (kind && theirs[kind]) ?? {};
  // Trailers end their direction whether or not a stray end_of_stream stands in them.
  if (!kind?.endsWith("_trailers")) expect("endOfStream", ours.endOfStream, part.end_of_stream ?? false);
  if (kind?.endsWith("_body"))
    expect("body", ours.body().toString("hex"), (part.body ?? Buffer.alloc(0)).toString("hex"));
  const headers = part.headers?.headers ?? part.trailers?.headers ?? [];
  for (const { key } of headers) {
    const first = headers.find((header) => header.key === key) as HeaderValue;
    expectValue(found, `header ${key}`, headerValue(ours, Buffer.from(key ?? "")), first);
  }
  compareNoted(found, ours, kind === "request_headers" ? headers : []);
  compareStatus(found, ours, kind === "response_headers" ? headers : []);
  expect("observability", ours.observability, theirs.observability_mode ?? false);
  const config = theirs.protocol_config;
  expect("requestBodyMode", ours.requestBodyMode, config ? modeNumber(config.request_body_mode) : -1);
  expect("responseBodyMode", ours.responseBodyMode, config ? modeNumber(config.response_body_mode) : -1);
  expect("sendsBodyEarly", ours.sendsBodyEarly, config?.send_body_without_waiting_for_header_response ?? false);
  return found;
}

function compareStatus(found: string[], ours: StreamMessage, headers: readonly HeaderValue[]): void {
  const status = headers.findLast((header) => header.key === ":status");
  const expected =
    status === undefined ? [-1] : candidates(status).map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : -1));
  if (!expected.includes(ours.status)) found.push(`status: ours ${ours.status}, theirs ${expected}`);
}

/** The headers read while decoding: the last of a name counts. */
function compareNoted(found: string[], ours: StreamMessage, headers: readonly HeaderValue[]): void {
  const path = headers.findLast((header) => header.key === ":path");
  expectValue(found, "path", ours.path, path ?? { key: ":path" });
  const texts = [
    [":method", "method"],
    ["x-pointsman-pool", "pool"],
    ["content-type", "contentType"],
    ["content-encoding", "contentEncoding"],
  ] as const;
  for (const [key, name] of texts) {
    expectValue(found, name, ours[name], headers.findLast((header) => header.key === key) ?? { key });
  }
  const length = headers.findLast((header) => header.key === "content-length");
  const lengths = length === undefined ? [""] : candidates(length);
  const expected = lengths.map((value) => (/^\d{1,15}$/.test(value) ? Number(value) : -1));
  if (!expected.includes(ours.contentLength))
    found.push(`contentLength: ours ${ours.contentLength}, theirs ${lengths}`);
}

/** A sender that fills both fields of a header is out of order: either one will do. */
function candidates({ value, raw_value }: HeaderValue): string[] {
  const raw = raw_value?.toString("latin1") ?? "";
  const filled = [raw, value ?? ""].filter((text) => text !== "");
  return filled.length === 0 ? [""] : filled;
}

function expectValue(found: string[], what: string, our: string, header: HeaderValue): void {
  const theirs = candidates(header);
  if (!theirs.includes(our)) found.push(`${what}: ours ${our}, theirs ${theirs.join(" or ")}`);
}

/** protobufjs names the enum values it knows and passes the others on as numbers, missing ones as undefined. */
function modeNumber(mode: string | number | undefined): number {
  return typeof mode === "number" ? mode : Math.max(0, modeNames.indexOf(mode ?? "NONE"));
}
