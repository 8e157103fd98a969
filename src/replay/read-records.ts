/** What a replay is fed with: a decision log of the picker's own, or a trace in one of the public formats. */
import { ConfigError, codeOf } from "../errors.ts";
import type { PickLine } from "../explain/log-line.ts";
import { linesOf } from "./read-lines.ts";
import { objectOf, pickOf, rowOf, type TraceRow, tableRowOf } from "./record-shapes.ts";

export type Records =
  | {
      readonly kind: "log";
      readonly picks: readonly PickLine[];
      readonly unread: number;
      /** Of them picks that cannot be read: cut lines, or lines of another version. */
      readonly misshapen: number;
    }
  | { readonly kind: "trace"; readonly rows: readonly TraceRow[]; readonly unread: number };

export const ID_TOKENS = 512;
const TABLE = "TIMESTAMP,";

/** Throws a ConfigError for a file that is none of these. At most `limit` requests; 0 is all. */
export async function readRecords(path: string, limit: number): Promise<Records> {
  const reader = new RecordReader(limit === 0 ? Number.POSITIVE_INFINITY : limit);
  try {
    for await (const line of linesOf(path)) {
      if (line.trim() !== "") reader.take(line);
      if (reader.isFull) break;
    }
  } catch (error) {
    throw new ConfigError([{ path, expected: "a readable file", got: codeOf(error) }]);
  }
  const records = reader.records();
  if (typeof records !== "string") return records;
  const expected =
    "a decision log, or a trace: JSON lines with hash_ids, or a table with TIMESTAMP, ContextTokens, GeneratedTokens";
  throw new ConfigError([{ path, expected, got: records }]);
}

/** The first line that is a record says what the file is; other lines may stand between, as on standard output. */
class RecordReader {
  readonly #most: number;
  readonly #picks: PickLine[] = [];
  readonly #rows: TraceRow[] = [];
  #kind: "log" | "rows" | "table" | undefined;
  #firstMs = Number.NaN;
  #lines = 0;
  #unread = 0;
  #misshapen = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#picks.length + this.#rows.length >= this.#most;
  }

  take(line: string): void {
    this.#lines++;
    if (this.#lines === 1 && line.startsWith(TABLE)) this.#kind = "table";
    else if (!(this.#kind === "table" ? this.#takeTableRow(line) : this.#takeJson(line))) this.#unread++;
  }

  /** What the file holds in place of records, if it has none. */
  records(): Records | string {
    const unread = this.#unread;
    if (this.#picks.length > 0) return { kind: "log", picks: this.#picks, unread, misshapen: this.#misshapen };
    if (this.#kind === "table" || this.#rows.length > 0) return { kind: "trace", rows: this.#rows, unread };
    if (this.#misshapen > 0) return "picks that cannot be read, perhaps of another version";
    return this.#lines === 0 ? "nothing" : "something else";
  }

  #takeTableRow(line: string): boolean {
    const read = tableRowOf(line, this.#firstMs);
    if (read === undefined) return false;
    if (this.#rows.length === 0) this.#firstMs = read.wallMs;
    this.#rows.push(read.row);
    return true;
  }

  #takeJson(line: string): boolean {
    const json = objectOf(line);
    if (json === undefined) return false;
    const pick = this.#kind === "rows" ? undefined : pickOf(json);
    const row = this.#kind === "log" ? undefined : rowOf(json);
    if (pick !== undefined) {
      this.#kind = "log";
      this.#picks.push(pick);
    } else if (row !== undefined) {
      this.#kind = "rows";
      this.#rows.push(row);
    } else if (json["event"] === "pick") this.#misshapen++;
    return pick !== undefined || row !== undefined || json["event"] === "end";
  }
}
