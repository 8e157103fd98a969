/**
 * An array of messages, or of messages and other items -> prompt ranges. A message is one part: its fields and its
 * content, in one order however the client ordered the keys.
 */
import type { ContentReader } from "./content-reader.ts";
import { FieldPlaces } from "./field-places.ts";
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-bytes.ts";
import { OtherMembers } from "./other-members.ts";
import { FIRST_MESSAGE_LABEL, MAX_RANGES, PromptRanges, TEXT } from "./prompt-ranges.ts";
import type { Visit } from "./scan-json.ts";
import { MemberTable, type ValueReader } from "./value-reader.ts";

/** What counts of a message beside its content, in the order it counts. */
export interface MessageShape {
  readonly before: readonly string[];
  readonly behind: readonly string[];
  /** Do members that are in neither list count? */
  readonly countsOthers: boolean;
  /** May a string stand in place of the array? */
  readonly takesString: boolean;
}

/** Chats and Anthropic messages. Chat templates print no other members; the clients' own ids are among these. */
export const chatShape: MessageShape = {
  before: ["role", "name", "tool_call_id"],
  behind: ["reasoning", "reasoning_content", "tool_calls", "function_call"],
  countsOthers: false,
  takesString: false,
};
/** Items of responses and conversations come in ever more types, so all of their members count. */
export const itemShape: MessageShape = {
  before: ["type", "id", "role", "name", "call_id"],
  behind: ["arguments", "output", "summary", "encrypted_content", "status"],
  countsOthers: true,
  takesString: true,
};

export class MessageList {
  readonly ranges = new PromptRanges();
  /** Messages run side by side in no API: all of them are one prompt. */
  readonly otherBytes = 0;
  readonly #reader: ValueReader;
  readonly #content: ContentReader;
  readonly #shape: MessageShape;
  readonly #fieldCount: number;
  readonly #fields: FieldPlaces;
  readonly #others: OtherMembers;
  readonly #table: MemberTable;
  /** Messages beyond MAX_RANGES, whatever they make, are checked as JSON and no more. */
  #count = 0;

  /** `content` is scratch that lists may share. */
  constructor(reader: ValueReader, content: ContentReader, shape: MessageShape) {
    this.#reader = reader;
    this.#content = content;
    this.#shape = shape;
    const names = [...shape.before, ...shape.behind];
    this.#fieldCount = names.length;
    this.#fields = new FieldPlaces(reader, names, FIRST_MESSAGE_LABEL);
    this.#others = new OtherMembers(reader);
    const visits = { ...this.#fields.visits, content: content.read };
    this.#table = new MemberTable(visits, shape.countsOthers ? this.#others.visit : reader.skip);
  }

  clear(): void {
    this.ranges.clear();
    this.#count = 0;
  }

  /** The list at `at`, in place of any read before; in a cut body, what was seen of it. */
  readonly read: Visit = (at) => {
    this.clear();
    const first = this.#reader.byteAt(at);
    if (first === OPEN_BRACKET) return this.#reader.elements(at, this.#visitMessage);
    return first === QUOTE && this.#shape.takesString ? this.#takeValue(at) : this.#reader.skipValue(at);
  };

  addTo(ranges: PromptRanges): void {
    ranges.addParts(this.ranges);
  }

  readonly #visitMessage: Visit = (at) => {
    if (++this.#count > MAX_RANGES) this.ranges.cut();
    if (this.ranges.isCut) return this.#reader.skipValue(at);
    if (this.#reader.byteAt(at) !== OPEN_BRACE) return this.#takeValue(at);
    const { ranges } = this;
    const { before } = this.#shape;
    this.#fields.clear();
    this.#content.clear();
    this.#others.clear();
    const next = this.#reader.members(at, this.#visitMember);
    ranges.beginPart();
    this.#fields.addTo(ranges, 0, before.length);
    ranges.addContinued(this.#content.ranges);
    this.#fields.addTo(ranges, before.length, this.#fieldCount);
    this.#others.addTo(ranges);
    return next;
  };

  readonly #visitMember: Visit = (at) => this.#reader.visitMember(this.#table, at);

  #takeValue(at: number): number {
    const reader = this.#reader;
    const next = reader.take(at);
    this.ranges.beginPart();
    this.ranges.add(reader.valueStart, reader.valueEnd, TEXT, reader.valueMark);
    return next;
  }
}
