/**
 * Reads a few numbers and names out of a Prometheus text page as its chunks arrive.
 * A real page is 50-70 KB with some 800 lines of which 20 matter, so a line costs one search for its end and, per
 * length of a wanted name, one look at the byte where the name would stop. Nothing is allocated per line. Which metrics
 * are wanted, and what reading each becomes, is written in engines.ts.
 */
import { EnginePage, type LineTaker, type PageTraits } from "./engine-page.ts";
import { type Engine, numberNames, readingNames } from "./engines.ts";
import { endsName, Sample, skipBlanks, startsWith } from "./sample.ts";

/** A longer line is skipped, wherever the chunks cut it. Most wanted lines have 100 bytes, those with adapters many. */
const LINE_LIMIT_BYTES = 65_536;
const CARRY_BYTES = 4096;

const LF = 0x0a;
const CR = 0x0d;
const HASH = 0x23;

interface Wanted {
  readonly name: Buffer;
  readonly takers: readonly LineTaker[];
}

/** Names of one length, since where a name stops is what is looked at first. */
interface NamesOfLength {
  readonly length: number;
  readonly names: readonly Wanted[];
}

export interface PageSummary {
  /** Readings with a usable number; 0: this is no page of the engines asked for. */
  readonly known: number;
  /** Readings that the engine is known for. */
  readonly expected: number;
  /** The last line had its end: nothing was cut off. */
  readonly whole: boolean;
  /** The engine whose words fit best; undefined where none does. */
  readonly engine: Engine | undefined;
}

export class MetricsParser {
  /** Of the last page that ended, in the order of numberNames; NaN where the page had no usable number. */
  readonly numbers = new Float64Array(numberNames.length).fill(Number.NaN);
  /** Of the last page that ended; the same object as long as nothing changes. */
  traits: PageTraits = Object.freeze({ engine: "", models: [], lora: undefined, adapters: [] });
  readonly #pages: readonly EnginePage[];
  readonly #wanted: readonly NamesOfLength[];
  /** Of the wanted names, as they are asked for most. */
  readonly #lengths: Int32Array;
  readonly #sample = new Sample();
  readonly #scratch = new Float64Array(numberNames.length);
  /** The start of a line whose end is in a later chunk. */
  #carry = Buffer.allocUnsafeSlow(CARRY_BYTES);
  #carried = 0;
  /** The line being received is too long: drop it up to its end. */
  #skipping = false;

  /** Of several engines, each page is taken for that of which it holds most readings. */
  constructor(engines: readonly Engine[]) {
    this.#pages = engines.map((engine) => new EnginePage(engine));
    this.#wanted = byLength(this.#pages);
    this.#lengths = Int32Array.from(this.#wanted, ({ length }) => length);
  }

  /** Forgets what was received of a page that will not end. */
  reset(): void {
    this.#carried = 0;
    this.#skipping = false;
    for (const page of this.#pages) page.begin();
  }

  /** The pod's process has been replaced: names it has told do not hold any more. */
  forget(): void {
    for (const page of this.#pages) page.forget();
  }

  write(bytes: Buffer): void {
    let start = 0;
    let end = bytes.indexOf(LF);
    if (end !== -1 && (this.#carried > 0 || this.#skipping)) {
      this.#keep(bytes, 0, end);
      this.#endCarriedLine();
      start = end + 1;
      end = bytes.indexOf(LF, start);
    }
    while (end !== -1) {
      this.#readLine(bytes, start, end);
      start = end + 1;
      end = bytes.indexOf(LF, start);
    }
    this.#keep(bytes, start, bytes.length);
  }

  /** Ends the page and fills `numbers` and `traits`. A last line without its end may be cut, and is not read. */
  end(): PageSummary {
    const whole = !this.#skipping && this.#isBlankOrComment();
    let best: PageSummary = { known: 0, expected: 0, whole, engine: undefined };
    this.numbers.fill(Number.NaN);
    for (const page of this.#pages) {
      page.fill(this.#scratch);
      const known = readingNames.filter((_, i) => !Number.isNaN(this.#scratch[i])).length;
      if (known <= best.known) continue;
      best = { known, expected: page.expected, whole, engine: page.engine };
      this.numbers.set(this.#scratch);
      // Of a page that was cut some ranks may be missing: what is left of a counter would look as if it had fallen.
      if (!whole) this.numbers.fill(Number.NaN, readingNames.length);
      // A page that was cut may lack the names it would have told.
      if (whole) this.traits = page.traits();
    }
    this.reset();
    return best;
  }

  #isBlankOrComment(): boolean {
    const at = skipBlanks(this.#carry, 0, this.#carried);
    return at === this.#carried || this.#carry[at] === HASH || (this.#carry[at] === CR && at + 1 === this.#carried);
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const wanted = this.#carried + end - start;
    if (wanted > LINE_LIMIT_BYTES) this.#skipping = true;
    if (this.#skipping) return;
    if (wanted > this.#carry.length) this.#grow(wanted);
    bytes.copy(this.#carry, this.#carried, start, end);
    this.#carried = wanted;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(2 * bytes, LINE_LIMIT_BYTES));
    this.#carry.copy(larger, 0, 0, this.#carried);
    this.#carry = larger;
  }

  #endCarriedLine(): void {
    if (!this.#skipping) this.#readLine(this.#carry, 0, this.#carried);
    this.#carried = 0;
    this.#skipping = false;
  }

  /** The line is bytes start..end-1. */
  #readLine(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] === HASH || end - start > LINE_LIMIT_BYTES) return;
    const at = skipBlanks(bytes, start, end);
    for (let i = 0; i < this.#lengths.length; i++) {
      const after = at + this.#lengths[i]!;
      if (after >= end) return;
      if (endsName(bytes[after]!) && this.#takeLine(this.#wanted[i]!, bytes, at, end)) return;
    }
  }

  /** The name that begins at `at` has the right length; is it one of these? */
  #takeLine({ length, names }: NamesOfLength, bytes: Buffer, at: number, end: number): boolean {
    for (const { name, takers } of names) {
      if (!startsWith(bytes, at, name)) continue;
      this.#sample.set(bytes, at + length, end);
      for (const taker of takers) taker.take(this.#sample);
      return true;
    }
    return false;
  }
}

/** Shortest first: a line that is shorter than a name needs no look at the longer ones. */
function byLength(pages: readonly EnginePage[]): NamesOfLength[] {
  const takers = new Map<string, LineTaker[]>();
  for (const page of pages) {
    for (const [name, own] of page.wanted) takers.set(name, [...(takers.get(name) ?? []), ...own]);
  }
  const lengths = [...new Set([...takers.keys()].map((name) => Buffer.byteLength(name)))].sort((a, b) => a - b);
  return lengths.map((length) => ({
    length,
    names: [...takers]
      .filter(([name]) => Buffer.byteLength(name) === length)
      .map(([name, own]) => ({ name: Buffer.from(name), takers: own })),
  }));
}
