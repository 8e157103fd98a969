/** The wire of gRPC and protobuf as far as one unary request needs it: its frame, and a walk over a message's fields. */

/** One byte of flags and four of length, big-endian, before each message. */
const FRAME_HEAD = 5;
const COMPRESSED = 1;
const MAX_VARINT_BYTES = 10;
const MAX_TAG = 0xffffffff;
const NOTHING = new Uint8Array(0);

/** Wire types of protobuf that still occur; groups (3, 4) are refused. */
export const VARINT = 0;
export const BYTES = 2;
const FIXED64 = 1;
const FIXED32 = 5;

/** Where the message stands in the body; `cut` says that more of it exists than the body holds. */
export interface Frame {
  readonly start: number;
  readonly end: number;
  readonly cut: boolean;
}

/** The first frame, which is the only one of a unary request. */
export function readFrame(body: Buffer, cut: boolean): Frame | "compressed" | "malformed" {
  if (body.length < FRAME_HEAD) return cut ? { start: body.length, end: body.length, cut } : "malformed";
  const flags = body.readUInt8(0);
  if (flags === COMPRESSED) return "compressed";
  const end = FRAME_HEAD + body.readUInt32BE(1);
  const isPartial = end > body.length;
  if (flags !== 0 || (isPartial && !cut)) return "malformed";
  return { start: FRAME_HEAD, end: Math.min(end, body.length), cut: isPartial };
}

/** Fields of one request beyond these are left unread: a body of empty ones would otherwise take half a second. */
export const MAX_FIELDS = 262_144;

/** What the readers of one request share. */
export class FieldBudget {
  left = MAX_FIELDS;
}

/**
 * Walks over the fields of one message; a nested one is walked by a reader of its own. Nothing throws and nothing is
 * read outside the message: what cannot be read ends the walk with `failed` set. The end of the budget is as good as
 * that of the message.
 */
export class FieldReader {
  failed = false;
  number = 0;
  type = 0;
  /** Where the field begins with its tag, and where the tag ends. */
  tagStart = 0;
  tagEnd = 0;
  /** A varint's value; bits above 2^53 lose precision. */
  value = 0;
  /** Range of what follows the tag, without the length of a length-delimited field. */
  start = 0;
  end = 0;
  readonly #budget: FieldBudget;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #limit = 0;
  #cut = false;

  constructor(budget: FieldBudget) {
    this.#budget = budget;
  }

  /** `cut`: a field that passes the message's end is shortened to it, since the rest was not seen. */
  open(bytes: Uint8Array, start: number, end: number, cut: boolean): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
    this.#cut = cut;
    this.failed = false;
  }

  /** Reads the next field; false at the end. */
  next(): boolean {
    if (this.#at >= this.#limit || this.#budget.left-- <= 0) return false;
    this.tagStart = this.#at;
    const tag = this.#varint();
    this.tagEnd = this.start = this.#at;
    this.number = tag >>> 3;
    this.type = tag & 7;
    if (tag < 8 || tag > MAX_TAG) this.failed = true;
    else if (this.type === VARINT) this.value = this.#varint();
    else if (this.type === BYTES) this.#passBytes();
    else if (this.type === FIXED64) this.#pass(8);
    else if (this.type === FIXED32) this.#pass(4);
    else this.failed = true;
    this.end = this.#at;
    return !this.failed;
  }

  is(number: number, type: number): boolean {
    return this.number === number && this.type === type;
  }

  /** Forgets the body, which would stay in memory until the next one. */
  close(): void {
    this.#bytes = NOTHING;
  }

  #passBytes(): void {
    const length = this.#varint();
    this.start = this.#at;
    this.#pass(this.#cut ? Math.min(length, this.#limit - this.#at) : length);
  }

  #pass(bytes: number): void {
    if (bytes > this.#limit - this.#at) this.failed = true;
    else this.#at += bytes;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    const limit = Math.min(this.#limit, this.#at + MAX_VARINT_BYTES);
    for (let at = this.#at; at < limit; at++) {
      const byte = this.#bytes[at] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
      scale *= 128;
    }
    this.failed = true;
    return 0;
  }
}
