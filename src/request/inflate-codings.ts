/** The codings a request body may come in, from its content-encoding to the stream of zlib that undoes each. */
import type { Transform } from "node:stream";
import zlib from "node:zlib";

export type Coding = "gzip" | "deflate" | "br" | "zstd";

export type Inflater = Transform & zlib.Zlib;

const names: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"],
  ["zstd", "zstd"],
]);
/** More than these nobody applies in earnest. */
const MAX_CODINGS = 3;
/** Bytes that one call into zlib may produce: the unit in which the picking thread hears of an inflation. */
const SLICE_BYTES = 64 * 1024;
/** Base 2 logarithm: a decoder must offer 8 MiB of window (RFC 9659), and zlib's own limit would be 128 MiB. */
const ZSTD_WINDOW = 23;

/**
 * The codings in the order in which they are undone: last applied, first undone. Empty for a body that stands as it is;
 * undefined when one of them is unknown, so that nobody here can read it.
 */
export function codingsOf(contentEncoding: string): readonly Coding[] | undefined {
  const codings: Coding[] = [];
  for (const part of contentEncoding.toLowerCase().split(",")) {
    const name = part.trim();
    if (name === "" || name === "identity") continue;
    const coding = names.get(name);
    if (coding === undefined || codings.length === MAX_CODINGS) return undefined;
    codings.unshift(coding);
  }
  return codings;
}

/** `head` is where the body begins. Of a cut body all that can be is inflated, and its end is no fault. */
export function openInflater(coding: Coding, head: Uint8Array, cut: boolean): Inflater {
  switch (coding) {
    case "br": {
      const finish = { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH };
      return zlib.createBrotliDecompress({ chunkSize: SLICE_BYTES, ...(cut && finish) });
    }
    case "zstd":
      return zlib.createZstdDecompress(zstdOptions(cut));
    case "gzip":
      return zlib.createGunzip(zlibOptions(cut));
    case "deflate":
      return hasZlibHeader(head) ? zlib.createInflate(zlibOptions(cut)) : zlib.createInflateRaw(zlibOptions(cut));
  }
}

/**
 * On this thread: at most `limitBytes`, else undefined, as for what is not in that coding from begin to end. Never for
 * br: its decoder fills a window of megabytes before it can be stopped, so that 60 bytes may cost milliseconds.
 */
export function inflateBelow(limitBytes: number, coding: Coding, body: Buffer, cut: boolean): Buffer | undefined {
  if (coding === "br") return undefined;
  try {
    const { buffer, engine } = inflateNow(coding, body, { maxOutputLength: limitBytes, info: true }, cut);
    return engine.bytesWritten < body.length && !cut ? undefined : buffer;
  } catch {
    return undefined;
  }
}

/** With `info`, which the types of Node know nothing of, comes how much of the body was taken. */
function inflateNow(
  coding: Exclude<Coding, "br">,
  body: Buffer,
  limits: { maxOutputLength: number; info: true },
  cut: boolean,
) {
  let result: unknown;
  if (coding === "zstd") result = zlib.zstdDecompressSync(body, { ...zstdOptions(cut), ...limits });
  else {
    const options = { ...zlibOptions(cut), ...limits };
    if (coding === "gzip") result = zlib.gunzipSync(body, options);
    else result = hasZlibHeader(body) ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options);
  }
  return result as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
}

function zlibOptions(cut: boolean): zlib.ZlibOptions {
  return { chunkSize: SLICE_BYTES, ...(cut && { finishFlush: zlib.constants.Z_SYNC_FLUSH }) };
}

function zstdOptions(cut: boolean): zlib.ZstdOptions {
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW };
  return { chunkSize: SLICE_BYTES, params, ...(cut && { finishFlush: zlib.constants.ZSTD_e_flush }) };
}

/** Senders of "deflate" disagree on whether zlib's header belongs to it (RFC 9110, 8.4.1.2). */
function hasZlibHeader(head: Uint8Array): boolean {
  const [method = 8, flags = 0] = head;
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
}
