/**
 * Chat messages -> prompt ranges. A message is one part: its role, then its text, then what else a chat template may
 * print, in one order however the client ordered the keys. Values other than strings (tool calls, images) count by
 * their bytes as they stand, so that another image is another prefix.
 */
import { PromptRanges } from "./prompt-ranges.ts";
import { OPEN_BRACE, OPEN_BRACKET, QUOTE, type Visit } from "./scan-json.ts";
import { MemberTable, type ValueReader } from "./value-reader.ts";

/** The members that count, in the order they count. */
const fields = [
  "role",
  "name",
  "tool_call_id",
  "content",
  "reasoning",
  "reasoning_content",
  "tool_calls",
  "function_call",
];
const CONTENT = fields.indexOf("content");

export class ChatMessages {
  readonly #reader: ValueReader;
  readonly #ranges: PromptRanges;
  /** Of the message being read: the range of each field, but for content, which may be in several pieces. */
  readonly #starts = new Int32Array(fields.length);
  readonly #ends = new Int32Array(fields.length);
  readonly #pieces = new PromptRanges();
  /** Of the content piece being read: where its text begins, -1 while there is none. */
  #textStart = -1;
  #textEnd = -1;
  readonly #messageTable: MemberTable;
  readonly #pieceTable: MemberTable;

  constructor(reader: ValueReader, ranges: PromptRanges) {
    this.#reader = reader;
    this.#ranges = ranges;
    const visits = Object.fromEntries(fields.map((name, field) => [name, this.#visitField(field)]));
    this.#messageTable = new MemberTable({ ...visits, content: this.#visitContent }, reader.skip);
    this.#pieceTable = new MemberTable({ type: reader.skip, text: this.#visitText }, this.#visitOther);
  }

  /** The value of `messages` at `at`; returns the position behind it. In a cut body, what was seen is added. */
  read(at: number): number {
    this.#ranges.truncate(0);
    const isArray = this.#reader.byteAt(at) === OPEN_BRACKET;
    return isArray ? this.#reader.elements(at, this.#visitMessage) : this.#reader.skipValue(at);
  }

  readonly #visitMessage: Visit = (at) => {
    this.#ranges.beginPart();
    if (this.#reader.byteAt(at) !== OPEN_BRACE) {
      const next = this.#reader.take(at);
      this.#ranges.add(this.#reader.valueStart, this.#reader.valueEnd);
      return next;
    }
    this.#starts.fill(0);
    this.#ends.fill(0);
    this.#pieces.truncate(0);
    const next = this.#reader.members(at, this.#visitMessageMember);
    for (let field = 0; field < fields.length; field++) {
      if (field === CONTENT) this.#addPieces();
      else this.#ranges.add(this.#starts[field] ?? 0, this.#ends[field] ?? 0);
    }
    return next;
  };

  readonly #visitMessageMember: Visit = (at) => this.#reader.visitMember(this.#messageTable, at);

  #visitField(field: number): Visit {
    return (at) => {
      const next = this.#reader.take(at);
      this.#starts[field] = this.#reader.valueStart;
      this.#ends[field] = this.#reader.valueEnd;
      return next;
    };
  }

  readonly #visitContent: Visit = (at) => {
    this.#pieces.truncate(0);
    const isArray = this.#reader.byteAt(at) === OPEN_BRACKET;
    return isArray ? this.#reader.elements(at, this.#visitPiece) : this.#visitOther(at);
  };

  /** A piece with a text counts by it alone (its type and cache hints say nothing); any other by all but its type. */
  readonly #visitPiece: Visit = (at) => {
    if (this.#reader.byteAt(at) !== OPEN_BRACE) return this.#visitOther(at);
    this.#textStart = -1;
    const before = this.#pieces.count;
    const next = this.#reader.members(at, this.#visitPieceMember);
    if (this.#textStart >= 0) {
      this.#pieces.truncate(before);
      this.#pieces.add(this.#textStart, this.#textEnd);
    }
    return next;
  };

  readonly #visitPieceMember: Visit = (at) => this.#reader.visitMember(this.#pieceTable, at);

  readonly #visitText: Visit = (at) => {
    this.#textStart = -1;
    if (this.#reader.byteAt(at) !== QUOTE) return this.#visitOther(at);
    const next = this.#reader.take(at);
    this.#textStart = this.#reader.valueStart;
    this.#textEnd = this.#reader.valueEnd;
    return next;
  };

  readonly #visitOther: Visit = (at) => {
    const next = this.#reader.take(at);
    this.#pieces.add(this.#reader.valueStart, this.#reader.valueEnd);
    return next;
  };

  #addPieces(): void {
    const { starts, ends, count } = this.#pieces;
    for (let i = 0; i < count; i++) this.#ranges.add(starts[i] ?? 0, ends[i] ?? 0);
  }
}
