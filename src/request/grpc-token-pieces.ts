/**
 * Token ids that a message spreads over several fields, or over a field each -> the same ids packed into one, which
 * protobuf takes for equal. They are copied, since a prompt is hashed by its ranges and a range's end says something;
 * calls that come in one packed field, as all known clients send them, are not.
 */

/** Where something stands in the body. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Piece extends Span {
  readonly kind: "text" | "packed" | "unpacked";
  readonly tagStart: number;
  /** Grows with the unpacked ids that follow. */
  end: number;
}

interface JoinedPieces {
  readonly body: Buffer;
  /** One, and packed. */
  readonly piece: Piece;
  /** What was to come along. */
  readonly spans: readonly Span[];
}

/** The tag of a packed field of ids: number 2, length-delimited. */
const PACKED_TAG = 0x12;
/** Every byte of a varint but its last has this bit. */
export const CONTINUED = 0x80;

export function areSpread(pieces: readonly Piece[]): boolean {
  return pieces.length > 1 || pieces[0]?.kind === "unpacked";
}

/** A buffer of its own with the ids of `pieces`, and behind them what `spans` hold. */
export function joinPieces(body: Uint8Array, pieces: readonly Piece[], spans: readonly Span[]): JoinedPieces {
  const room = [...pieces, ...spans].reduce((bytes, { start, end }) => bytes + end - start, 1);
  const joined = Buffer.allocUnsafeSlow(room);
  joined[0] = PACKED_TAG;
  let at = 1;
  const copy = ({ start, end }: Span): Span => {
    joined.set(body.subarray(start, end), at);
    at += end - start;
    return { start: at - (end - start), end: at };
  };
  for (const piece of pieces) {
    if (piece.kind === "unpacked") at = copyUnpacked(body, piece, joined, at);
    else copy(piece);
  }
  const piece: Piece = { kind: "packed", tagStart: 0, start: 1, end: at };
  return { body: joined, piece, spans: spans.map(copy) };
}

/** Ids with a tag between each two; returns the position behind the last. */
function copyUnpacked(body: Uint8Array, { start, end }: Span, joined: Buffer, place: number): number {
  let at = place;
  let isId = true;
  for (let from = start; from < end; from++) {
    const byte = body[from] as number;
    if (isId) joined[at++] = byte;
    if (byte < CONTINUED) isId = !isId;
  }
  return at;
}
