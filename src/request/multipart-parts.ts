/**
 * Walks over the parts of a multipart body without touching what is in them: one search for the delimiter.
 *
 * A delimiter is a line of two dashes and the boundary. It is searched with the line feed before it, which no boundary
 * contains: so finds never overlap, and no body makes the search slower than linear. The carriage returns that should
 * stand beside the line feeds may be missing. What stands before the first delimiter and behind the closing one is
 * not read, and a boundary inside a line is text.
 */
import { boundaryOf } from "./multipart-parameters.ts";

const NONE = -1;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DASH = 0x2d;
const NOTHING = Buffer.alloc(0);
/** Of a form with more finds than these, delimiters or not, what follows is unknown. */
export const MAX_FINDS = 1024;
/** Of a part with more headers than these it is unknown what it is. */
export const LONGEST_HEAD = 4096;

export class MultipartParts {
  body: Buffer = NOTHING;
  /** The part's headers, without the empty line behind them. */
  headStart = 0;
  headEnd = 0;
  /** The part's content. */
  start = 0;
  end = 0;
  #delimiter: Buffer = NOTHING;
  #findsLeft = 0;
  #gaveUp = false;
  /** Where the next part begins; NONE behind the last one. */
  #next = NONE;
  /** Where the line feed stands that belongs to the delimiter last found. */
  #found = NONE;

  /** "no_boundary" when the content-type names none, "no_parts" when the body holds no delimiter. */
  open(contentType: string, body: Buffer): "opened" | "no_boundary" | "no_parts" {
    this.#next = NONE;
    this.#gaveUp = false;
    const boundary = boundaryOf(contentType);
    if (boundary === "") return "no_boundary";
    this.body = body;
    this.#delimiter = Buffer.from(`\n--${boundary}`, "latin1");
    this.#findsLeft = MAX_FINDS;
    const bare = this.#delimiter.subarray(1);
    const opensBody = body.length >= bare.length && body.compare(bare, 0, bare.length, 0, bare.length) === 0;
    const isFound = opensBody && this.#readLine(bare.length);
    return isFound || this.#find(0) ? "opened" : "no_parts";
  }

  /** Was there more than is read? Then a part may be among it that overrules those that were seen. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  /** Moves to the next part that has a head and comes whole; false when there is none. */
  next(): boolean {
    while (this.#next !== NONE) {
      const begin = this.#next;
      // The line feed of the line before may be the next delimiter's.
      if (!this.#find(begin - 1)) return false;
      if (this.#splitHead(begin, this.#found)) return true;
    }
    return false;
  }

  /** Forgets the body, which would stay in memory until the next one. */
  close(): void {
    this.body = NOTHING;
  }

  /** Moves #found and #next to the first delimiter from `from` on. */
  #find(from: number): boolean {
    this.#next = NONE;
    let at = from;
    while (this.#findsLeft-- > 0) {
      const found = this.body.indexOf(this.#delimiter, at);
      if (found === NONE) return false;
      this.#found = found;
      at = found + this.#delimiter.length;
      if (this.#readLine(at)) return true;
    }
    this.#gaveUp = true;
    return false;
  }

  /** Reads the rest of a delimiter's line, which is empty, or begins with two dashes in the closing one. */
  #readLine(from: number): boolean {
    const { body } = this;
    let at = from;
    if (body[at] === DASH && body[at + 1] === DASH) {
      this.#next = NONE;
      return true;
    }
    while (body[at] === SPACE || body[at] === TAB) at++;
    if (body[at] === CARRIAGE_RETURN) at++;
    if (body[at] !== LINE_FEED) return false;
    this.#next = at + 1;
    return true;
  }

  /** Finds the empty line between head and content of the part that begins at `begin` and whose delimiter is at `end`. */
  #splitHead(begin: number, end: number): boolean {
    const { body } = this;
    const limit = Math.min(end, begin + LONGEST_HEAD);
    let line = begin;
    while (line < limit) {
      const lineEnd = body.indexOf(LINE_FEED, line);
      if (lineEnd >= limit) break;
      if (lineEnd === line || (lineEnd === line + 1 && body[line] === CARRIAGE_RETURN)) {
        this.headStart = begin;
        this.headEnd = line;
        this.start = lineEnd + 1;
        this.end = end > this.start && body[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
        return true;
      }
      line = lineEnd + 1;
    }
    if (limit < end) this.#gaveUp = true;
    return false;
  }
}
