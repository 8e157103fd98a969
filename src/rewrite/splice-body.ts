/** Puts another model's name into a request's body: only the bytes of the model's value change. */
import type { ModelPlace, Splice } from "../request/model-place.ts";

/** A JSON string without its quotes. */
export function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

export function spliceFor({ start, end, form }: ModelPlace, model: string): Splice {
  switch (form) {
    case "json-text":
      return { start, end, bytes: Buffer.from(jsonText(model)) };
    case "json-value":
      return { start, end, bytes: Buffer.from(JSON.stringify(model)) };
    case "json-first-member":
      return { start, end, bytes: Buffer.from(`"model":${JSON.stringify(model)},`) };
    case "json-only-member":
      return { start, end, bytes: Buffer.from(`"model":${JSON.stringify(model)}`) };
    case "plain":
      return { start, end, bytes: Buffer.from(model) };
    default:
      return form satisfies never;
  }
}

/** The body in pieces, the kept ones as views on it, and the header that goes with it if it came with one. */
export interface SplicedBody {
  readonly pieces: readonly Buffer[];
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export function splicedBody(body: Buffer, { start, end, bytes }: Splice, hasLength: boolean): SplicedBody {
  const pieces = [body.subarray(0, start), bytes, body.subarray(end)];
  const length = body.length - (end - start) + bytes.length;
  return { pieces, headers: hasLength ? [["content-length", String(length)]] : [] };
}

/** A body with several places changed, none of which overlap; of two at the same place the first comes first. */
export function splicedPieces(body: Buffer, splices: readonly Splice[]): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end, bytes } of splices.toSorted((one, other) => one.start - other.start)) {
    pieces.push(body.subarray(at, start), bytes);
    at = end;
  }
  pieces.push(body.subarray(at));
  return pieces;
}

/**
 * The same of a body in chunks: as many come back, those that stay as they are as the same objects. The new name is in
 * the chunk that the old one began in; a chunk that held nothing but the rest of the old one is empty.
 */
export function splicedChunks(chunks: readonly Buffer[], { start, end, bytes }: Splice): readonly Buffer[] {
  let from = 0;
  let isPlaced = false;
  return chunks.map((chunk) => {
    const first = start - from;
    const last = end - from;
    from += chunk.length;
    // Where nothing is replaced the place may be a chunk's end or the next one's beginning: the first of them has it.
    const holdsStart = !isPlaced && first >= 0 && first <= chunk.length && (first < chunk.length || first === last);
    if (holdsStart) {
      isPlaced = true;
      return Buffer.concat([chunk.subarray(0, first), bytes, chunk.subarray(Math.min(last, chunk.length))]);
    }
    return first < 0 && last > 0 ? chunk.subarray(Math.min(last, chunk.length)) : chunk;
  });
}
