/** Has a streamed answer tell its usage though its client did not ask: one member of the body, which else stays as it is. */
import { BACKSLASH, COLON, COMMA, OPEN_BRACE, QUOTE } from "../request/json-bytes.ts";
import type { Splice } from "../request/model-place.ts";

const MEMBER = '"stream_options":{"include_usage":true}';
const NAME = "stream_options";
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

/** `body` is a JSON object with a member or more, as whoever has read that it wants a stream knows. */
export function askForUsage(body: Buffer): readonly Splice[] | "asked already" {
  const told = valuesOf(body, NAME);
  if (told.length === 0) return [firstMember(body)];
  // Readers differ on which one of several counts: each of them asks.
  const splices = told.flatMap((value) => asking(body, value));
  return splices.length === 0 ? "asked already" : splices;
}

function firstMember(body: Buffer): Splice {
  const start = body.indexOf(OPEN_BRACE) + 1;
  return { start, end: start, bytes: Buffer.from(`${MEMBER},`) };
}

function asking(body: Buffer, { start, end }: Range): readonly Splice[] {
  const told = JSON.parse(body.toString("utf8", start, end)) as unknown;
  const isObject = typeof told === "object" && told !== null && !Array.isArray(told);
  if (isObject && "include_usage" in told && told.include_usage === true) return [];
  const options = { ...(isObject ? told : {}), include_usage: true };
  return [{ start, end, bytes: Buffer.from(JSON.stringify(options)) }];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Of the object's own members of this name, however it is spelt. */
function valuesOf(body: Buffer, name: string): readonly Range[] {
  const found: Range[] = [];
  let depth = 0;
  /** The member's name as it is written; -1 while none is open. */
  let nameStart = -1;
  let nameEnd = -1;
  let start = -1;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    const isTop = depth === 1;
    if (byte === QUOTE) {
      const end = stringEnd(body, at);
      if (isTop && start === -1) [nameStart, nameEnd] = [at, end];
      at = end - 1;
    } else if (byte === COLON && isTop) start = at + 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (isTop && start !== -1 && JSON.parse(body.toString("utf8", nameStart, nameEnd)) === name)
        found.push({ start, end: at });
      if (isTop) start = -1;
      if (byte !== COMMA) depth--;
    }
  }
  return found;
}

/** Behind the quote that ends the string that begins at `start`. */
function stringEnd(body: Buffer, start: number): number {
  let end = body.indexOf(QUOTE, start + 1);
  while (end !== -1 && isEscaped(body, end)) end = body.indexOf(QUOTE, end + 1);
  return end === -1 ? body.length : end + 1;
}

function isEscaped(body: Buffer, at: number): boolean {
  let slashes = 0;
  while (body[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
