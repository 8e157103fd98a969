/**
 * The input of a gRPC Generate or Embed request -> prompt ranges.
 *
 * The prompt is preceded by its tag, as a range of its own: so text and token ids never look alike, and a longer array
 * of tokens begins with the same ranges. Over which fields the ids are spread says nothing. Images stand where their
 * tokens do:
 *
 *   ranges | tag | tokens before the image | hash of the image | tokens from there on |
 *
 * Where hashes and places do not match up, all that is known of the images comes first, as a part of its own: another
 * image is another prefix.
 */
import { BYTES, type FieldBudget, FieldReader, VARINT } from "./grpc-generate-wire.ts";
import { areSpread, CONTINUED, joinPieces, type Piece, type Span } from "./grpc-token-pieces.ts";
import { PromptRanges } from "./prompt-ranges.ts";

/** Field numbers of vllm.grpc.engine's TokenizedInput, MultimodalInputs and PlaceholderRange. */
const tokenizedField = { inputIds: 2 } as const;
const imagesField = { placeholders: 5, hashes: 6 } as const;
const placeholderField = { offset: 1 } as const;

/**
 * Pieces beyond these are left out, and then images are not told by their places; with more images than these nothing is
 * known.
 */
export const MAX_PIECES = 1024;
export const MAX_IMAGES = 256;

export class GrpcPrompt {
  readonly ranges = new PromptRanges();
  /** Token ids of the prompt; 0 for a text. */
  tokens = 0;
  /** False when a nested message could not be read. */
  sound = true;
  #body: Uint8Array = new Uint8Array(0);
  #cut = false;
  #pieces: Piece[] = [];
  #hasAllPieces = true;
  /** Fields as they stand in the body, their tags included. */
  #images: Span[] = [];
  #hashes: Span[] = [];
  #offsets: number[] = [];
  /** Are there images of which not all was seen or kept? Then nothing tells them from others. */
  #imagesUnknown = false;
  readonly #fields: FieldReader;
  readonly #innerFields: FieldReader;

  constructor(budget: FieldBudget) {
    this.#fields = new FieldReader(budget);
    this.#innerFields = new FieldReader(budget);
  }

  open(body: Uint8Array, cut: boolean): void {
    this.#body = body;
    this.#cut = cut;
    this.sound = true;
    this.tokens = 0;
    this.#pieces = [];
    this.#hasAllPieces = true;
    this.#images = [];
    this.#hashes = [];
    this.#offsets = [];
    this.#imagesUnknown = false;
  }

  /** Of text and tokens, which exclude each other, the one that comes last counts. */
  addText({ tagStart, start, end }: FieldReader): void {
    this.#pieces = [{ kind: "text", tagStart, start, end }];
    this.#hasAllPieces = true;
    this.tokens = 0;
  }

  /** A TokenizedInput; what comes in several pieces is one array. Its text is for the logs of the engine. */
  addTokens({ start, end }: FieldReader): void {
    if (this.#pieces[0]?.kind === "text") this.#pieces = [];
    const fields = this.#walk(this.#fields, start, end);
    while (fields.next()) {
      if (fields.is(tokenizedField.inputIds, BYTES)) this.#addPacked();
      else if (fields.is(tokenizedField.inputIds, VARINT)) this.#addUnpacked();
    }
    this.#leave(fields);
  }

  /** A MultimodalInputs; or links to images, which have none of its fields and count as they stand. */
  addImages({ tagStart, start, end }: FieldReader): void {
    if (this.#images.length === MAX_IMAGES || (this.#cut && end === this.#body.length)) this.#imagesUnknown = true;
    if (this.#imagesUnknown) return;
    this.#images.push({ start: tagStart, end });
    const fields = this.#walk(this.#fields, start, end);
    while (fields.next()) {
      if (this.#hashes.length > MAX_IMAGES || this.#offsets.length > MAX_IMAGES) break;
      if (fields.is(imagesField.hashes, BYTES)) this.#hashes.push({ start: fields.tagStart, end: fields.end });
      else if (fields.is(imagesField.placeholders, BYTES)) this.#addPlaceholder();
    }
    this.#leave(fields);
  }

  /** Fills `ranges` with all that was added. */
  finish(): void {
    const { ranges } = this;
    const [first] = this.#pieces;
    ranges.body = this.#body;
    ranges.clear();
    ranges.beginPart();
    if (first === undefined || this.#imagesUnknown) return;
    const havePlaces = this.#imagesHavePlaces();
    const spans = havePlaces ? this.#hashes : this.#images;
    const all = areSpread(this.#pieces)
      ? joinPieces(this.#body, this.#pieces, spans)
      : { body: this.#body, piece: first, spans };
    ranges.body = all.body;
    if (havePlaces) this.#addWithImages(all.piece, all.spans);
    else {
      for (const { start, end } of all.spans) ranges.add(start, end);
      ranges.beginPart();
      ranges.add(all.piece.tagStart, all.piece.tagStart + 1);
      ranges.add(all.piece.start, all.piece.end);
    }
  }

  /** Is there a place for each image, in the order of the prompt, in tokens that are all known? */
  #imagesHavePlaces(): boolean {
    const offsets = this.#offsets;
    const count = offsets.length;
    if (count === 0 || count > MAX_IMAGES || count !== this.#hashes.length) return false;
    if (!this.#hasAllPieces || this.#pieces[0]?.kind === "text") return false;
    return offsets.every((offset, i) => offset >= (offsets[i - 1] ?? 0) && offset < this.tokens);
  }

  #addWithImages({ tagStart, start, end }: Piece, hashes: readonly Span[]): void {
    const { ranges } = this;
    let at = start;
    let token = 0;
    ranges.add(tagStart, tagStart + 1);
    for (const [i, hash] of hashes.entries()) {
      const offset = this.#offsets[i] as number;
      const place = passTokens(ranges.body, at, offset - token);
      ranges.add(at, place);
      ranges.add(hash.start, hash.end);
      at = place;
      token = offset;
    }
    ranges.add(at, end);
  }

  #addPacked(): void {
    const { tagStart, start, end } = this.#fields;
    for (let at = start; at < end; at++) {
      if ((this.#body[at] as number) < CONTINUED) this.tokens++;
    }
    if (start < end) this.#push({ kind: "packed", tagStart, start, end });
  }

  #addUnpacked(): void {
    const { tagStart, start, end } = this.#fields;
    const last = this.#pieces.at(-1);
    this.tokens++;
    if (last?.kind === "unpacked" && last.end === tagStart) last.end = end;
    else this.#push({ kind: "unpacked", tagStart, start, end });
  }

  #push(piece: Piece): void {
    if (this.#pieces.length < MAX_PIECES) this.#pieces.push(piece);
    else this.#hasAllPieces = false;
  }

  #addPlaceholder(): void {
    const fields = this.#walk(this.#innerFields, this.#fields.start, this.#fields.end);
    let offset = 0;
    while (fields.next()) {
      if (fields.is(placeholderField.offset, VARINT)) offset = fields.value;
    }
    this.#leave(fields);
    this.#offsets.push(offset);
  }

  #walk(fields: FieldReader, start: number, end: number): FieldReader {
    fields.open(this.#body, start, end, this.#cut);
    return fields;
  }

  #leave(fields: FieldReader): void {
    if (fields.failed) this.sound = false;
    fields.close();
  }
}

/** The position behind `count` ids, which are known to be there. */
function passTokens(body: Uint8Array, start: number, count: number): number {
  let at = start;
  for (let left = count; left > 0; at++) {
    if ((body[at] as number) < CONTINUED) left--;
  }
  return at;
}
