/**
 * The content of a message -> prompt ranges: a string, or an array of blocks (text, images, audio, tool calls and
 * their results). A block that is nothing but a text counts by it alone, as if it were a string. Any other counts by
 * what it holds, so that another image is another prefix. Cache hints never count: clients move them from turn to turn.
 */
import { FieldPlaces } from "./field-places.ts";
import { OPEN_BRACE, OPEN_BRACKET } from "./json-bytes.ts";
import { OtherMembers } from "./other-members.ts";
import { FIRST_BLOCK_LABEL, MAX_RANGES, PromptRanges, STRUCTURE, TEXT } from "./prompt-ranges.ts";
import { BAD, type Visit } from "./scan-json.ts";
import { MemberTable, type ValueReader } from "./value-reader.ts";

/** What blocks hold, in the order it counts; members that are not listed count behind them. */
const blockFields = [
  "id",
  "name",
  "tool_use_id",
  "input",
  "content",
  "is_error",
  "thinking",
  "signature",
  "data",
  "source",
  "title",
  "image_url",
  "detail",
  "video_url",
  "audio_url",
  "input_audio",
  "file",
  "file_id",
  "refusal",
  "text",
  "type",
];
const BLOCK_TEXT = blockFields.indexOf("text");
const BLOCK_TYPE = blockFields.indexOf("type");
/** The types of blocks that are nothing but a text. */
const textTypes = ["text", "input_text", "output_text"].map((name) => Buffer.from(name));
/** Claude Code puts a block of text that begins so, and changes with each request, before its instructions. */
const billingHeader = Buffer.from("x-anthropic-billing-header");

export class ContentReader {
  readonly ranges = new PromptRanges();
  readonly #reader: ValueReader;
  readonly #label: number;
  readonly #leavesOutBilling: boolean;
  readonly #fields: FieldPlaces;
  readonly #others: OtherMembers;
  readonly #table: MemberTable;
  /** Blocks beyond MAX_RANGES, whatever they make, are checked as JSON and no more. */
  #count = 0;

  /** `label` is that of plain text here. */
  constructor(reader: ValueReader, label: number = TEXT, leavesOutBilling = false) {
    this.#reader = reader;
    this.#label = label;
    this.#leavesOutBilling = leavesOutBilling;
    // The first label of blocks is that of their opening brace.
    this.#fields = new FieldPlaces(reader, blockFields, FIRST_BLOCK_LABEL + 1);
    this.#others = new OtherMembers(reader);
    this.#table = new MemberTable({ ...this.#fields.visits, cache_control: reader.skip }, this.#others.visit);
  }

  clear(): void {
    this.ranges.clear();
    this.#count = 0;
  }

  /** The content at `at`, in place of any read before; in a cut body, what was seen of it. */
  readonly read: Visit = (at) => {
    this.clear();
    const isArray = this.#reader.byteAt(at) === OPEN_BRACKET;
    return isArray ? this.#reader.elements(at, this.#visitBlock) : this.#takeValue(at);
  };

  readonly #visitBlock: Visit = (at) => {
    if (++this.#count > MAX_RANGES) this.ranges.cut();
    if (this.ranges.isCut) return this.#reader.skipValue(at);
    if (this.#reader.byteAt(at) !== OPEN_BRACE) return this.#takeValue(at);
    this.#fields.clear();
    this.#others.clear();
    const next = this.#reader.members(at, this.#visitMember);
    if (this.#isText()) this.#addText();
    else this.#addBlock(at, next === BAD);
    return next;
  };

  readonly #visitMember: Visit = (at) => this.#reader.visitMember(this.#table, at);

  #addText(): void {
    const start = this.#fields.startOf(BLOCK_TEXT);
    const end = this.#fields.endOf(BLOCK_TEXT);
    if (!this.#leavesOutBilling || !this.#beginsWith(billingHeader, start, end)) {
      this.ranges.add(start, end, this.#label);
    }
  }

  #addBlock(at: number, isCut: boolean): void {
    const { ranges } = this;
    const before = ranges.count;
    // Tells where a block begins: two blocks of one member each are not one of two.
    ranges.add(at, at + 1, FIRST_BLOCK_LABEL, STRUCTURE);
    this.#fields.addTo(ranges, 0, BLOCK_TYPE);
    // Of a block that the body's end cuts off, more of what stands before these may be missing.
    if (!isCut) {
      this.#fields.addTo(ranges, BLOCK_TYPE, blockFields.length);
      this.#others.addTo(ranges);
    }
    if (ranges.count === before + 1) ranges.truncate(before);
  }

  #takeValue(at: number): number {
    const reader = this.#reader;
    const next = reader.take(at);
    this.ranges.add(reader.valueStart, reader.valueEnd, this.#label, reader.valueMark);
    return next;
  }

  #isText(): boolean {
    const fields = this.#fields;
    if ((fields.seen & ~(1 << BLOCK_TYPE)) !== 1 << BLOCK_TEXT) return false;
    if (!fields.isText(BLOCK_TEXT) || !this.#others.isEmpty) return false;
    if (fields.seen === 1 << BLOCK_TEXT) return true;
    const start = fields.startOf(BLOCK_TYPE);
    const end = fields.endOf(BLOCK_TYPE);
    if (!fields.isText(BLOCK_TYPE)) return false;
    return textTypes.some((type) => end - start === type.length && this.#beginsWith(type, start, end));
  }

  #beginsWith(head: Uint8Array, start: number, end: number): boolean {
    if (end - start < head.length) return false;
    for (let i = 0; i < head.length; i++) {
      if (this.#reader.byteAt(start + i) !== head[i]) return false;
    }
    return true;
  }
}
