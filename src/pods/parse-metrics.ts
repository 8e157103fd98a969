/**
 * Reads a few numbers out of a Prometheus text page as its chunks arrive.
 * A real page is 50-70 KB with some 800 lines of which 3 matter, so a line costs one search for its end and, per wanted
 * metric, one look at the byte where the name would stop. Nothing is allocated per line. Which metrics are wanted, and
 * what reading each becomes, is written in model-servers.ts.
 */
import { type ModelServer, type Reading, readingNames } from "./model-servers.ts";

/** A longer line is skipped, wherever the chunks cut it. Wanted lines are some 60 bytes plus the model's name. */
const LINE_LIMIT_BYTES = 4096;

const LF = 0x0a;
const TAB = 0x09;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const UPPER_E = 0x45;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** One wanted metric and what the page said of it so far. */
interface Metric {
  readonly name: Buffer;
  readonly merge: "sum" | "max";
  seen: boolean;
  value: number;
}

export class MetricsParser {
  /** Of the last page that ended; NaN where the page had no usable number. */
  readonly readings: Record<Reading, number> = { waiting: Number.NaN, running: Number.NaN, kvUsage: Number.NaN };
  readonly #byReading: readonly { readonly reading: Reading; readonly metrics: readonly Metric[] }[];
  readonly #metrics: readonly Metric[];
  /** The start of a line whose end is in a later chunk. */
  readonly #carry = Buffer.allocUnsafeSlow(LINE_LIMIT_BYTES);
  #carried = 0;
  /** The line being received is too long: drop it up to its end. */
  #skipping = false;

  constructor(server: ModelServer) {
    this.#byReading = readingNames.map((reading) => {
      const { metrics, merge } = server.readings[reading];
      return { reading, metrics: metrics.map((name) => ({ name: Buffer.from(name), merge, seen: false, value: 0 })) };
    });
    this.#metrics = this.#byReading.flatMap(({ metrics }) => metrics);
  }

  /** Forgets what was received of a page that will not end. */
  reset(): void {
    this.#carried = 0;
    this.#skipping = false;
    for (const metric of this.#metrics) metric.seen = false;
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
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

  /** Ends the page, fills `readings` and says how many of them are known. Ready for the next page afterwards. */
  end(): number {
    this.#endCarriedLine();
    let known = 0;
    for (const { reading, metrics } of this.#byReading) {
      const value = metrics.find((metric) => metric.seen)?.value ?? Number.NaN;
      this.readings[reading] = value;
      if (!Number.isNaN(value)) known++;
    }
    this.reset();
    return known;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    if (this.#carried + end - start > LINE_LIMIT_BYTES) this.#skipping = true;
    if (this.#skipping) return;
    bytes.copy(this.#carry, this.#carried, start, end);
    this.#carried += end - start;
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
    for (let i = 0; i < this.#metrics.length; i++) {
      const metric = this.#metrics[i]!;
      const after = at + metric.name.length;
      if (after < end && endsName(bytes[after]!) && startsWith(bytes, at, metric.name)) {
        add(metric, readValue(bytes, after, end));
        return;
      }
    }
  }
}

/** A number that cannot be (below zero, infinite, no number) makes the whole reading unknown instead of too small. */
function add(metric: Metric, value: number): void {
  const reading = value >= 0 && value < Number.POSITIVE_INFINITY ? value : Number.NaN;
  if (!metric.seen) metric.value = reading;
  else if (metric.merge === "sum") metric.value += reading;
  else metric.value = Math.max(metric.value, reading);
  metric.seen = true;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function endsName(byte: number): boolean {
  return byte === OPEN || isBlank(byte);
}

function startsWith(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) {
    if (bytes[at + i] !== name[i]) return false;
  }
  return true;
}

function skipBlanks(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(bytes[at]!)) at++;
  return at;
}

/** From "{" to behind its "}"; label values are quoted and may hold braces and escaped quotes. */
function skipLabels(bytes: Buffer, start: number, end: number): number {
  let quoted = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (quoted && byte === BACKSLASH) at++;
    else if (byte === QUOTE) quoted = !quoted;
    else if (byte === CLOSE && !quoted) return at + 1;
  }
  return end;
}

/** The value behind a metric's name and labels; a timestamp or exemplar behind it is not looked at. */
function readValue(bytes: Buffer, start: number, end: number): number {
  let at = skipBlanks(bytes, start, end);
  if (at < end && bytes[at] === OPEN) at = skipBlanks(bytes, skipLabels(bytes, at, end), end);
  let stop = at;
  while (stop < end && !isBlank(bytes[stop]!) && bytes[stop] !== CR) stop++;
  return readNumber(bytes, at, stop);
}

/** A decimal number filling bytes start..end-1, else NaN. Exact up to 15 digits, which is enough for a gauge. */
function readNumber(bytes: Buffer, start: number, end: number): number {
  let at = start;
  const negative = at < end && bytes[at] === MINUS;
  if (negative || (at < end && bytes[at] === PLUS)) at++;
  let mantissa = 0;
  let digits = 0;
  let power = 0;
  let fraction = false;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    const digit = byte - 0x30;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits++;
      if (fraction) power--;
    } else if (byte === DOT && !fraction) fraction = true;
    else break;
  }
  if (digits === 0) return Number.NaN;
  if (at < end) power += readExponent(bytes, at, end);
  const value = power < 0 ? mantissa / 10 ** -power : mantissa * 10 ** power;
  return negative ? -value : value;
}

/** "e", an optional sign and digits up to `end`, else NaN. */
function readExponent(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== LOWER_E && bytes[start] !== UPPER_E) return Number.NaN;
  let at = start + 1;
  const negative = at < end && bytes[at] === MINUS;
  if (negative || (at < end && bytes[at] === PLUS)) at++;
  if (at === end) return Number.NaN;
  let exponent = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    exponent = exponent * 10 + digit;
  }
  return negative ? -exponent : exponent;
}
