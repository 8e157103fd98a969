/**
 * Reads application/vnd.amazon.eventstream: bytes, cut anywhere, become messages of headers and a payload, with both
 * checksums of each looked at. The lengths are believed only once the prelude's own checksum says so.
 *
 *   total length (4) | headers' length (4) | CRC-32 of these 8 | headers | payload | CRC-32 of all before (4)
 *   header: name's length (1) | name | kind of value (1) | value
 *
 * https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
 */
import { crc32 } from "node:zlib";
import { type EventSplitter, UnreadableEvents } from "../event-reader.ts";

export interface FrameMessage {
  /** Those whose value is a string, such as ":event-type". */
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Buffer;
}

/** The bytes are not of this encoding, or were changed on their way. */
export class BrokenFrame extends UnreadableEvents {
  override readonly name = "BrokenFrame";
}

const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const SMALLEST_FRAME = PRELUDE_BYTES + CHECKSUM_BYTES;
/** AWS' own libraries read no longer message. */
const LARGEST_FRAME = 24 * 1024 * 1024;

export class FrameReader implements EventSplitter<FrameMessage> {
  /** What is there of a message that is not complete. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #neededBytes = PRELUDE_BYTES;

  /** Where a message is broken the ones before it come first; nothing behind it can be read. */
  *push(bytes: Uint8Array): Generator<FrameMessage> {
    this.#hold(bytes);
    // A long message is put together once, not with each of its pieces.
    if (this.#heldBytes < this.#neededBytes) return;
    let rest = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    for (;;) {
      this.#neededBytes = frameBytesOf(rest);
      if (rest.length < this.#neededBytes) break;
      yield readFrame(rest.subarray(0, this.#neededBytes));
      rest = rest.subarray(this.#neededBytes);
    }
    this.#hold(rest);
  }

  /** The bytes are the network's own, which are used again. */
  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held.push(Buffer.from(bytes));
    this.#heldBytes += bytes.length;
  }
}

/** Of the message that begins here: its length, or as much as has to be there to know it. */
function frameBytesOf(bytes: Buffer): number {
  if (bytes.length < PRELUDE_BYTES) return PRELUDE_BYTES;
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) throw new BrokenFrame("a prelude's checksum is wrong");
  const length = bytes.readUInt32BE(0);
  if (length < SMALLEST_FRAME || length > LARGEST_FRAME || bytes.readUInt32BE(4) > length - SMALLEST_FRAME) {
    throw new BrokenFrame("a message's lengths are impossible");
  }
  return length;
}

function readFrame(frame: Buffer): FrameMessage {
  const end = frame.length - CHECKSUM_BYTES;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) throw new BrokenFrame("a message's checksum is wrong");
  const payloadAt = PRELUDE_BYTES + frame.readUInt32BE(4);
  return { headers: readHeaders(frame.subarray(PRELUDE_BYTES, payloadAt)), payload: frame.subarray(payloadAt, end) };
}

const BYTES_KIND = 6;
const STRING_KIND = 7;
/** Bytes of a value by its kind: true, false, byte, short, int, long, bytes, string, timestamp, uuid. */
const valueBytes = [0, 0, 1, 2, 4, 8, 0, 0, 8, 16];

function readHeaders(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  try {
    for (let at = 0; at < bytes.length; ) {
      const nameAt = at + 1;
      const kindAt = nameAt + bytes.readUInt8(at);
      const kind = bytes.readUInt8(kindAt);
      const hasLength = kind === BYTES_KIND || kind === STRING_KIND;
      const valueAt = kindAt + (hasLength ? 3 : 1);
      at = valueAt + (hasLength ? bytes.readUInt16BE(kindAt + 1) : (valueBytes[kind] ?? bytes.length));
      if (at > bytes.length) throw new RangeError("a value ends behind the headers");
      if (kind === STRING_KIND)
        headers.set(bytes.toString("utf8", nameAt, kindAt), bytes.toString("utf8", valueAt, at));
    }
  } catch {
    throw new BrokenFrame("a message's headers are cut short or of no known kind");
  }
  return headers;
}
