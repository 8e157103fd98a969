/**
 * Server-sent events, cut at any byte: hands the data of each event to the scanner as it comes. Lines end with LF, CR or
 * both; the data lines of one event are one document, an empty line ends it. Other fields and comments are passed over.
 */
import { COLON } from "../request/json-bytes.ts";

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DATA = Buffer.from("data");
const lineEnd = Buffer.of(LF);

/** Which part of a line comes next: its field's name, the one space that may lead the value, the value, or the rest. */
type Part = "name" | "space" | "value" | "rest";

/** Reads documents in pieces. */
export interface DocumentScanner {
  write(bytes: Uint8Array, from: number, to: number): void;
  /** The document is over, complete or not: the next byte begins another. */
  endDocument(): void;
}

export class EventStream {
  readonly #scanner: DocumentScanner;
  #part: Part = "name";
  /** Bytes of "data" that the line began with. */
  #matched = 0;
  #afterCr = false;
  /** Has the present event had a line of data? */
  #hasData = false;

  constructor(scanner: DocumentScanner) {
    this.#scanner = scanner;
  }

  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#part === "name") this.#addToName(bytes[at++] ?? 0);
      else if (this.#part === "space") {
        if (bytes[at] === SPACE) at++;
        this.#part = "value";
      } else {
        const end = lineEndIn(bytes, at);
        if (this.#part === "value") this.#scanner.write(bytes, at, end);
        at = end + 1;
        if (end < bytes.length) this.#endLine(bytes[end] ?? LF);
      }
    }
  }

  #addToName(byte: number): void {
    const isRestOfLineEnd = byte === LF && this.#afterCr;
    this.#afterCr = false;
    if (isRestOfLineEnd) return;
    if (byte === LF || byte === CR) {
      if (this.#matched === 0) this.#endEvent();
      this.#endLine(byte);
    } else if (byte === DATA[this.#matched]) this.#matched++;
    else if (byte === COLON && this.#matched === DATA.length) this.#startData();
    else this.#part = "rest";
  }

  #startData(): void {
    // A line end stands between the lines of one event's data: in JSON that is space.
    if (this.#hasData) this.#scanner.write(lineEnd, 0, 1);
    this.#hasData = true;
    this.#part = "space";
  }

  #endLine(byte: number): void {
    this.#part = "name";
    this.#matched = 0;
    this.#afterCr = byte === CR;
  }

  #endEvent(): void {
    if (this.#hasData) this.#scanner.endDocument();
    this.#hasData = false;
  }
}

/** Where the line that `at` stands in ends; the number of bytes where its end has not come. */
function lineEndIn(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
  return end;
}
