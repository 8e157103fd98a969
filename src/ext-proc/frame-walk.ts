/** Walks the bytes that an HTTP/2 client sends, frame by frame, and mends the :authority of each request on the way. */
import { mendAuthority } from "./mend-authority.ts";

/** `PRI * HTTP/2.0` and what belongs to it, before the first frame. */
const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const HEADERS = 1;
const PADDED = 0x08;
const WITH_PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** The largest frame of a client that was not told of a larger one, as here; what is longer is refused anyway. */
const MAX_FRAME_BYTES = FRAME_HEAD_BYTES + 16_384;

export class FrameWalk {
  /** Bytes until the next frame begins. */
  #skip = PREFACE_BYTES;
  /** The begin of a frame that is still to be seen in full. */
  #held: Buffer = Buffer.alloc(0);
  #first: "fine" | "mended" | undefined;

  /** What the first request headers said; undefined until they are here in full. */
  get first(): "fine" | "mended" | undefined {
    return this.#first;
  }

  /** The bytes that can go on, mended. The rest is kept for the next call. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const mended: Buffer[] = [];
    let from = 0;
    let at = this.#skip;
    while (at + FRAME_HEAD_BYTES <= bytes.length) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (bytes[at + 3] === HEADERS && end - at <= MAX_FRAME_BYTES) {
        if (end > bytes.length) break;
        const frame = mendFrame(bytes.subarray(at, end));
        this.#first ??= frame === undefined ? "fine" : "mended";
        if (frame !== undefined) {
          mended.push(bytes.subarray(from, at), frame);
          from = end;
        }
      }
      at = end;
    }
    const goesOn = Math.min(at, bytes.length);
    this.#skip = at - goesOn;
    this.#held = bytes.subarray(goesOn);
    const rest = bytes.subarray(from, goesOn);
    return mended.length === 0 ? rest : Buffer.concat([...mended, rest]);
  }
}

/** A HEADERS frame; undefined where nothing is to be mended, or there is no room for it. */
function mendFrame(frame: Buffer): Buffer | undefined {
  const flags = frame[4] ?? 0;
  const padding = flags & PADDED ? (frame[FRAME_HEAD_BYTES] ?? 0) : 0;
  const start = FRAME_HEAD_BYTES + (flags & PADDED ? 1 : 0) + (flags & WITH_PRIORITY ? PRIORITY_BYTES : 0);
  const end = Math.max(start, frame.length - padding);
  const block = mendAuthority(frame.subarray(start, end));
  if (block === undefined) return undefined;
  const mended = Buffer.concat([frame.subarray(0, start), block, frame.subarray(end)]);
  if (mended.length > MAX_FRAME_BYTES) return undefined;
  mended.writeUIntBE(mended.length - FRAME_HEAD_BYTES, 0, 3);
  return mended;
}
