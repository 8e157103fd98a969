/** Random ext_proc messages of every kind, and the odd bytes a hostile or newer sender could add to them. */
import type { HeaderMap, ProcessingRequest, Struct, StructValue } from "../../src/ext-proc/messages.ts";
import { field, varintBytes, varintField } from "../../src/ext-proc/wire.ts";
import type { Random } from "./random.ts";

export const requestKinds = [
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
] as const;
export type RequestKind = (typeof requestKinds)[number];

const names = [
  ":path",
  ":method",
  "content-length",
  "content-type",
  "content-encoding",
  "x-request-id",
  "x",
  ":status",
  ":pathx",
  "x-pointsman-pool",
];
const values = [
  "/v1/chat/completions?x=1",
  "POST",
  "GET",
  "503",
  "0",
  "123",
  "12x",
  "",
  "a".repeat(200),
  "application/json",
];
const modes = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC"] as const;

/** Each name at most once, as in Envoy's header maps of single values; the value stands in value or in raw_value. */
function randomHeaders(random: Random): HeaderMap {
  const keys = random.shuffle([...names]).slice(0, random.int(names.length + 1));
  const headers = keys.map((key) => {
    const value = random.of(values);
    return random.chance(0.5) ? { key, value } : { key, raw_value: Buffer.from(value) };
  });
  return random.chance(0.1) ? {} : { headers };
}

function randomValue(random: Random, depth: number): StructValue {
  const kind = random.int(depth > 2 ? 3 : 5);
  if (kind === 0) return { stringValue: random.of(values) };
  if (kind === 1) return { numberValue: random.next() * 1000 };
  if (kind === 2) return { boolValue: random.chance(0.5) };
  if (kind === 3) return { listValue: { values: [randomValue(random, depth + 1)] } };
  return { structValue: randomStruct(random, depth + 1) };
}

function randomStruct(random: Random, depth = 0): Struct {
  return { fields: { [random.of(names)]: randomValue(random, depth), second: randomValue(random, depth) } };
}

function randomPart(random: Random, kind: RequestKind): ProcessingRequest {
  if (random.chance(0.05)) return { [kind]: {} };
  const end_of_stream = random.chance(0.5);
  if (kind.endsWith("_headers")) return { [kind]: { headers: randomHeaders(random), end_of_stream } };
  if (kind.endsWith("_trailers")) return { [kind]: { trailers: randomHeaders(random) } };
  const size = random.of([0, 1, 5, 126, 127, 128, 129, 300, 17_000]);
  return { [kind]: { body: random.bytes(size), end_of_stream } };
}

export function randomMessage(random: Random, kind: RequestKind): ProcessingRequest {
  return {
    ...randomPart(random, kind),
    ...(random.chance(0.3) && { metadata_context: { filter_metadata: { "envoy.lb": randomStruct(random) } } }),
    ...(random.chance(0.3) && { attributes: { "envoy.filters.http.ext_proc": randomStruct(random) } }),
    ...(random.chance(0.3) && { observability_mode: random.chance(0.5) }),
    ...(random.chance(0.5) && {
      protocol_config: {
        request_body_mode: random.of(modes),
        response_body_mode: random.of(modes),
        send_body_without_waiting_for_header_response: random.chance(0.5),
      },
    }),
  };
}

/** A field no version of the protocol uses, of any wire type that may be skipped. */
export function unknownField(random: Random): Buffer {
  const number = random.of([14, 15, 16, 100, 2047, 2048, 536_870_911]);
  const kind = random.int(4);
  if (kind === 0) return varintField(number, random.int(2 ** 31));
  if (kind === 1) return field(number, random.bytes(random.int(200)));
  const isWide = kind === 2;
  return Buffer.concat([varintBytes(number * 8 + (isWide ? 1 : 5)), random.bytes(isWide ? 8 : 4)]);
}

/** The top-level fields of a well-formed message, each with its tag. */
export function splitFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const type = varint() & 7;
    const value = varint();
    if (type === 2) at += value;
    fields.push(bytes.subarray(start, at));
  }
  return fields;
}

/** Rearranges whole fields: the result is well-formed and may mean something else. */
export function rearrange(random: Random, original: Buffer, other: Buffer): Buffer {
  const fields = splitFields(original);
  const edit = random.int(5);
  if (edit === 0) random.shuffle(fields);
  else if (edit === 1) fields.splice(random.int(fields.length), 1);
  else if (edit === 2) fields.splice(random.int(fields.length + 1), 0, random.of(splitFields(other)));
  else if (edit === 3) fields.splice(random.int(fields.length + 1), 0, unknownField(random));
  else fields.push(varintBytes(10 * 8), longVarint(random));
  return Buffer.concat(fields);
}

/** One to twelve bytes: more than ten is no varint. */
function longVarint(random: Random): Buffer {
  return Buffer.concat([Buffer.alloc(random.int(12), 0x80 | random.int(128)), Buffer.from([random.int(2)])]);
}

/** One of the ways bytes go wrong on their way; most results are malformed, some mean something else. */
export function mutate(random: Random, original: Buffer): Buffer {
  const bytes = Buffer.from(original);
  const at = random.int(bytes.length + 1);
  const edit = random.int(6);
  if (edit === 0) return bytes.subarray(0, at);
  if (edit === 1) return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.int(3)), bytes.subarray(at)]);
  if (edit === 2) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(4))]);
  const count = 1 + random.int(3);
  for (let i = 0; i < count && bytes.length > 0; i++) {
    // The first bytes are tags and lengths, where an edit does most.
    const position = random.int(random.chance(0.3) ? Math.min(12, bytes.length) : bytes.length);
    const old = bytes[position] as number;
    bytes[position] = edit === 3 ? random.int(256) : old ^ (1 << random.int(8));
  }
  return bytes;
}
