/**
 * Says in which points a message leaves the ground that our decoder and protobufjs share. A difference between the
 * two is allowed only where one of these is found:
 *   wire-type  a known field with another field's wire type: we skip it as unknown, as protobuf's rules say;
 *              protobufjs reads it as if the type fitted
 *   group      we refuse groups, protobufjs skips them
 *   field-0    we refuse the field number that does not exist
 *   wide       a varint longer than 32 bits need: protobufjs cuts its value, and takes it for ten bytes
 *   repeated   a single field, or a second member of the oneof: protobufjs keeps both members
 *   skipped    broken inside metadata or attributes, which we pass over as a whole
 *   cut-text   a string longer than what encloses it: protobufjs takes what is there, we refuse
 *   text       not ASCII: we read header values as Latin-1, protobufjs reads `value` as UTF-8
 */

export type Oddity = "wire-type" | "group" | "field-0" | "wide" | "repeated" | "skipped" | "cut-text" | "text";

interface FieldShape {
  readonly type: 0 | 2;
  readonly message?: Shape;
  readonly repeats?: true;
  readonly isText?: true;
  readonly isSkipped?: true;
  /** Fields of one oneof share this name. */
  readonly oneof?: string;
}
type Shape = ReadonlyMap<number, FieldShape>;

const varint: FieldShape = { type: 0 };
const bytes: FieldShape = { type: 2 };
const text: FieldShape = { type: 2, isText: true };
const shape = (fields: Record<number, FieldShape>): Shape =>
  new Map(Object.entries(fields).map(([number, field]) => [Number(number), field]));

const header = shape({ 1: text, 2: text, 3: text });
const headerMap = shape({ 1: { type: 2, message: header, repeats: true } });
const httpHeaders = shape({ 1: { type: 2, message: headerMap }, 3: varint });
const httpBody = shape({ 1: bytes, 2: varint });
const httpTrailers = shape({ 1: { type: 2, message: headerMap } });
const protocolConfig = shape({ 1: varint, 2: varint, 3: varint });
const processingRequest = shape({
  2: { type: 2, message: httpHeaders, oneof: "request" },
  3: { type: 2, message: httpHeaders, oneof: "request" },
  4: { type: 2, message: httpBody, oneof: "request" },
  5: { type: 2, message: httpBody, oneof: "request" },
  6: { type: 2, message: httpTrailers, oneof: "request" },
  7: { type: 2, message: httpTrailers, oneof: "request" },
  8: { type: 2, repeats: true, isSkipped: true },
  9: { type: 2, repeats: true, isSkipped: true },
  10: varint,
  11: { type: 2, message: protocolConfig },
});

export function oddities(message: Buffer): Set<Oddity> {
  const found = new Set<Oddity>();
  walk(message, processingRequest, found);
  return found;
}

function walk(message: Buffer, fields: Shape, found: Set<Oddity>): void {
  const seen = new Set<number | string>();
  let at = 0;
  const varintAt = (): bigint | undefined => {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = message[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) {
        if (i > 4n || value > 0xffffffffn) found.add("wide");
        return value;
      }
    }
    found.add("wide");
    return undefined;
  };
  while (at < message.length) {
    const tag = varintAt();
    if (tag === undefined) return;
    const number = Number(tag >> 3n);
    const type = Number(tag & 7n);
    if (number === 0) found.add("field-0");
    if (type === 3 || type === 4) found.add("group");
    const field = fields.get(number);
    if (field?.isSkipped) found.add("skipped");
    if (field !== undefined) noteField(field, number, type, seen, found);
    if (type === 0) varintAt();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varintAt();
      if (length === undefined) return;
      if (length > BigInt(message.length - at)) {
        if (field?.isText) found.add("cut-text");
        return;
      }
      const content = message.subarray(at, at + Number(length));
      at += Number(length);
      if (field?.message !== undefined) walk(content, field.message, found);
      if (field?.isText && content.some((byte) => byte >= 0x80)) found.add("text");
    } else return;
  }
}

function noteField(
  field: FieldShape,
  number: number,
  type: number,
  seen: Set<number | string>,
  found: Set<Oddity>,
): void {
  if (type !== field.type) found.add("wire-type");
  const key = field.oneof ?? number;
  if (seen.has(key) && field.repeats !== true) found.add("repeated");
  seen.add(key);
}
