/** Protobuf primitives: a bounds-checked reader over one message, and writers for the few shapes we send. */

const EMPTY = Buffer.alloc(0);
const MAX_VARINT_BYTES = 10;

/** Wire types of protobuf that still occur; groups (3, 4) are refused. */
export const wireType = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/**
 * Walks over fields between `at` and an end the caller holds. Every length is bounded by its enclosing one.
 * Nothing throws: `failed` is set, and every later read returns 0 and moves nowhere.
 */
export class WireReader {
  bytes: Buffer = EMPTY;
  at = 0;
  failed = false;

  reset(bytes: Buffer): void {
    this.bytes = bytes;
    this.at = 0;
    this.failed = false;
  }

  /** At most ten bytes; bits above 2^53 lose precision, which no length or enum we accept can have. */
  varint(end: number): number {
    const bytes = this.bytes;
    let at = this.at;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES && at < end; i++) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
      scale *= 128;
    }
    return this.fail();
  }

  /** A field's tag: number * 8 + wire type. Field number 0 does not exist. */
  tag(end: number): number {
    const tag = this.varint(end);
    return tag < 8 || tag > 0xffffffff ? this.fail() : tag;
  }

  /** Reads a length and returns where that field ends; `at` stands on its first byte. */
  lengthEnd(end: number): number {
    const length = this.varint(end);
    if (this.failed || length > end - this.at) return this.fail();
    return this.at + length;
  }

  /** Passes over a field whose tag was just read. */
  skip(type: number, end: number): void {
    if (type === wireType.varint) this.varint(end);
    else if (type === wireType.lengthDelimited) {
      const fieldEnd = this.lengthEnd(end);
      if (!this.failed) this.at = fieldEnd;
    } else if (type === wireType.fixed64) this.#advance(8, end);
    else if (type === wireType.fixed32) this.#advance(4, end);
    else this.fail();
  }

  fail(): number {
    this.failed = true;
    return 0;
  }

  #advance(count: number, end: number): void {
    if (count > end - this.at) this.fail();
    else this.at += count;
  }
}

export function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A length-delimited field: message, string or bytes. */
export function field(number: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varintBytes(number * 8 + wireType.lengthDelimited), varintBytes(content.length), content]);
}

/** The pieces of a length-delimited field around pieces of content, none of which is copied. */
export function framed(number: number, content: readonly Buffer[]): readonly Buffer[] {
  const length = content.reduce((sum, { length }) => sum + length, 0);
  return [Buffer.concat([varintBytes(number * 8 + wireType.lengthDelimited), varintBytes(length)]), ...content];
}

/** A varint field: enum, bool or integer. */
export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varintBytes(number * 8 + wireType.varint), varintBytes(value)]);
}

/** A field of a double. */
export function doubleField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varintBytes(number * 8 + wireType.fixed64), bytes]);
}

/** Bytes that a varint of this value takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a varint into `target` and returns the position behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    target[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[position++] = rest;
  return position;
}
