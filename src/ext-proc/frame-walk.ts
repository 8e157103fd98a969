/** Walks the bytes that an HTTP/2 client sends, frame by frame, and mends the :authority of each request on the way. */
import { type Authority, mendAuthority } from "./mend-authority.ts";

/** `PRI * HTTP/2.0` and what belongs to it, before the first frame. */
const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const HEADERS = 1;
const PADDED = 0x08;
const WITH_PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** The largest frame of a client that was not told of a larger one, as here; what is longer is refused anyway. */
const MAX_FRAME_BYTES = 16_384;

export class FrameWalk {
  /** Bytes until the next frame begins. */
  #skip = PREFACE_BYTES;
  /** The begin of a frame that is still to be seen in full. */
  #held: Buffer = Buffer.alloc(0);
  #first: Authority | undefined;

  /** What the first request headers said; undefined until they are here in full. */
  get first(): Authority | undefined {
    return this.#first;
  }

  /** The bytes that can go on; they are mended where they lie. The rest is kept for the next call. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = this.#skip;
    while (at + FRAME_HEAD_BYTES <= bytes.length) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (bytes[at + 3] === HEADERS && end - at <= FRAME_HEAD_BYTES + MAX_FRAME_BYTES) {
        if (end > bytes.length) break;
        const said = mendAuthority(blockOf(bytes.subarray(at, end)));
        this.#first ??= said;
      }
      at = end;
    }
    const goesOn = Math.min(at, bytes.length);
    this.#skip = at - goesOn;
    this.#held = bytes.subarray(goesOn);
    return bytes.subarray(0, goesOn);
  }
}

/** The header block of a HEADERS frame. */
function blockOf(frame: Buffer): Buffer {
  const flags = frame[4] ?? 0;
  const padding = flags & PADDED ? (frame[FRAME_HEAD_BYTES] ?? 0) : 0;
  const before = (flags & PADDED ? 1 : 0) + (flags & WITH_PRIORITY ? PRIORITY_BYTES : 0);
  return frame.subarray(FRAME_HEAD_BYTES + before, Math.max(FRAME_HEAD_BYTES + before, frame.length - padding));
}
