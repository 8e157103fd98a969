/**
 * Chat messages -> prompt ranges. A message is one part: its role, then its text, then what else a chat template may
 * print, in one order however the client ordered the keys. Values other than strings (tool calls, images) count by
 * their bytes as they stand, so that another image is another prefix.
 */

import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-bytes.ts";
import { MAX_RANGES, PromptRanges } from "./prompt-ranges.ts";
import type { Visit } from "./scan-json.ts";
import { MemberTable, type ValueReader } from "./value-reader.ts";

/** A member that counts, and where it stands in the message being read. */
interface Field {
  readonly name: string;
  start: number;
  end: number;
}

export class ChatMessages {
  readonly #reader: ValueReader;
  readonly #ranges: PromptRanges;
  /** In the order they count: before the content, and behind it. */
  readonly #before = fields("role", "name", "tool_call_id");
  readonly #behind = fields("reasoning", "reasoning_content", "tool_calls", "function_call");
  /** Of the message being read: the content, which may be in several pieces. */
  readonly #pieces = new PromptRanges();
  /** Of the content piece being read: where its text begins, -1 while there is none. */
  #textStart = -1;
  #textEnd = -1;
  /** Messages, and pieces of the content being read; those beyond MAX_RANGES are checked as JSON and no more. */
  #messageCount = 0;
  #pieceCount = 0;
  readonly #messageTable: MemberTable;
  readonly #pieceTable: MemberTable;

  constructor(reader: ValueReader, ranges: PromptRanges) {
    this.#reader = reader;
    this.#ranges = ranges;
    const visits = [...this.#before, ...this.#behind].map((field) => [field.name, this.#visitField(field)] as const);
    this.#messageTable = new MemberTable({ ...Object.fromEntries(visits), content: this.#visitContent }, reader.skip);
    this.#pieceTable = new MemberTable({ type: reader.skip, text: this.#visitText }, this.#visitOther);
  }

  /** The value of `messages` at `at`; returns the position behind it. In a cut body, what was seen is added. */
  read(at: number): number {
    this.#ranges.truncate(0);
    this.#messageCount = 0;
    const isArray = this.#reader.byteAt(at) === OPEN_BRACKET;
    return isArray ? this.#reader.elements(at, this.#visitMessage) : this.#reader.skipValue(at);
  }

  readonly #visitMessage: Visit = (at) => {
    if (++this.#messageCount > MAX_RANGES) return this.#reader.skipValue(at);
    this.#ranges.beginPart();
    if (this.#reader.byteAt(at) !== OPEN_BRACE) {
      const next = this.#reader.take(at);
      this.#ranges.add(this.#reader.valueStart, this.#reader.valueEnd);
      return next;
    }
    for (const field of this.#before) field.start = field.end = 0;
    for (const field of this.#behind) field.start = field.end = 0;
    this.#pieces.truncate(0);
    const next = this.#reader.members(at, this.#visitMessageMember);
    for (const field of this.#before) this.#ranges.add(field.start, field.end);
    this.#ranges.addAll(this.#pieces);
    for (const field of this.#behind) this.#ranges.add(field.start, field.end);
    return next;
  };

  readonly #visitMessageMember: Visit = (at) => this.#reader.visitMember(this.#messageTable, at);

  #visitField(field: Field): Visit {
    return (at) => {
      const next = this.#reader.take(at);
      field.start = this.#reader.valueStart;
      field.end = this.#reader.valueEnd;
      return next;
    };
  }

  readonly #visitContent: Visit = (at) => {
    this.#pieces.truncate(0);
    this.#pieceCount = 0;
    const isArray = this.#reader.byteAt(at) === OPEN_BRACKET;
    return isArray ? this.#reader.elements(at, this.#visitPiece) : this.#visitOther(at);
  };

  /** A piece with a text counts by it alone (its type and cache hints say nothing); any other by all but its type. */
  readonly #visitPiece: Visit = (at) => {
    if (++this.#pieceCount > MAX_RANGES) return this.#reader.skipValue(at);
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
}

function fields(...names: readonly string[]): readonly Field[] {
  return names.map((name) => ({ name, start: 0, end: 0 }));
}
