/**
 * One line of a metrics page, looked at in place: where its labels and its value are, without making anything of it.
 * One object serves all lines; it is valid until the next `set`.
 */

const TAB = 0x09;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const EQUALS = 0x3d;
const UPPER_E = 0x45;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const noBytes: Buffer = Buffer.alloc(0);

export class Sample {
  #bytes = noBytes;
  /** Between the braces. */
  #labelsAt = 0;
  #labelsEnd = 0;
  #valueAt = 0;
  #end = 0;
  /** Of the label found last, between its quotes. */
  #foundAt = 0;
  #foundEnd = 0;

  /** The line ends at `end`; what stands at `afterName` is "{" or a blank. */
  set(bytes: Buffer, afterName: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    const at = skipBlanks(bytes, afterName, end);
    this.#labelsAt = this.#labelsEnd = this.#valueAt = at;
    if (at === end || bytes[at] !== OPEN) return;
    this.#labelsAt = at + 1;
    this.#labelsEnd = endOfLabels(bytes, at, end);
    this.#valueAt = skipBlanks(bytes, Math.min(this.#labelsEnd + 1, end), end);
  }

  /** NaN where there is none; a timestamp or exemplar behind it is not looked at. */
  value(): number {
    let stop = this.#valueAt;
    while (stop < this.#end && !isBlank(this.#bytes[stop]!) && this.#bytes[stop] !== CR) stop++;
    return readNumber(this.#bytes, this.#valueAt, stop);
  }

  /** Looks for a label; what the `found` methods tell is about it. */
  find(label: Buffer): boolean {
    const bytes = this.#bytes;
    const end = this.#labelsEnd;
    let at = this.#labelsAt;
    while (at < end) {
      while (at < end && (isBlank(bytes[at]!) || bytes[at] === COMMA)) at++;
      const nameAt = at;
      while (at < end && bytes[at] !== EQUALS) at++;
      const nameEnd = at;
      while (at < end && bytes[at] !== QUOTE) at++;
      const valueAt = at + 1;
      at = endOfQuoted(bytes, valueAt, end);
      if (isSame(bytes, nameAt, trimmedEnd(bytes, nameAt, nameEnd), label)) {
        this.#foundAt = Math.min(valueAt, end);
        this.#foundEnd = at;
        return true;
      }
      at++;
    }
    return false;
  }

  foundIs(value: Buffer): boolean {
    return isSame(this.#bytes, this.#foundAt, this.#foundEnd, value);
  }

  /** In bytes, before escapes are resolved. */
  get foundLength(): number {
    return this.#foundEnd - this.#foundAt;
  }

  get labelsLength(): number {
    return this.#labelsEnd - this.#labelsAt;
  }

  foundNumber(): number {
    return readNumber(this.#bytes, this.#foundAt, this.#foundEnd);
  }

  foundText(): string {
    const text = this.#bytes.toString("utf8", this.#foundAt, this.#foundEnd);
    return text.includes("\\") ? text.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped)) : text;
  }

  foundHash(): number {
    return hash(this.#bytes, this.#foundAt, this.#foundEnd);
  }

  labelsHash(): number {
    return hash(this.#bytes, this.#labelsAt, this.#labelsEnd);
  }
}

export function endsName(byte: number): boolean {
  return byte === OPEN || isBlank(byte);
}

export function skipBlanks(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(bytes[at]!)) at++;
  return at;
}

export function startsWith(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) {
    if (bytes[at + i] !== name[i]) return false;
  }
  return true;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function isSame(bytes: Buffer, start: number, end: number, text: Buffer): boolean {
  return end - start === text.length && startsWith(bytes, start, text);
}

function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1]!)) at--;
  return at;
}

/** FNV-1a: equal bytes, equal number. */
function hash(bytes: Buffer, start: number, end: number): number {
  let mixed = 0x811c9dc5;
  for (let at = start; at < end; at++) mixed = Math.imul(mixed ^ bytes[at]!, 0x01000193);
  return mixed >>> 0;
}

/** From behind a quote to the quote that closes it. */
function endOfQuoted(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at, end);
}

/** From "{" to its "}"; label values are quoted and may hold braces and escaped quotes. */
function endOfLabels(bytes: Buffer, start: number, end: number): number {
  let at = start + 1;
  while (at < end && bytes[at] !== CLOSE) at = bytes[at] === QUOTE ? endOfQuoted(bytes, at + 1, end) + 1 : at + 1;
  return Math.min(at, end);
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
