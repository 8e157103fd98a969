/** Reads a body four bytes at a time: a view of aligned 32-bit words over the same memory, nothing is copied. */

/** 1 where a word's lowest byte comes first, as on x86-64 and arm64, else 0. */
const littleEndian = new DataView(Uint16Array.of(1).buffer).getUint8(0);

/**
 * Byte `at` of the body lies in word (at + wordShift(body)) >> 2. The view starts at the aligned word that holds the
 * body's first byte, so up to three bytes before it are in sight; the last bytes, when they fill no word, are not, and
 * on a big-endian machine none are: readers of words take what is not in sight byte by byte.
 */
export function wordsOf(body: Uint8Array): Int32Array {
  const shift = wordShift(body);
  return new Int32Array(body.buffer, body.byteOffset - shift, ((shift + body.length) >> 2) * littleEndian);
}

export function wordShift(body: Uint8Array): number {
  return body.byteOffset & 3;
}
