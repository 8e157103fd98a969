/**
 * A multipart/form-data body (audio, image edits and variations) -> what routing reads of its text fields.
 *
 * The engines' form parser is Starlette's: of a field that comes twice the last one counts, a part with a file name is
 * a file whatever it is called, and a content-transfer-encoding is not applied. So it is here, and the whole body is
 * searched, since a later field may overrule an earlier one: 25 MB take some milliseconds, which is little beside
 * their way through the proxy. A field whose closing delimiter is missing is none, nor is a model or session that is
 * longer than they may be.
 */

import { LONGEST_MODEL } from "./inference-request.ts";
import { parametersOf } from "./multipart-parameters.ts";
import { MultipartParts } from "./multipart-parts.ts";

export interface MultipartForm {
  /** "" when the form has no such field. */
  readonly model: string;
  /** The user as the client names it; "" when it names none. */
  readonly session: string;
  readonly stream: boolean;
  /** The client's cap on generated tokens; NaN when it set none. */
  readonly maxTokens: number;
  /** Byte range of the prompt in the body, plain UTF-8; empty when there is none. */
  readonly promptStart: number;
  readonly promptEnd: number;
}

/** Where the content of a field stands. */
interface Place {
  start: number;
  end: number;
}

// One body is read at a time; all of this is scratch that readMultipart resets.
const parts = new MultipartParts();
const model: Place = { start: 0, end: 0 };
const user: Place = { start: 0, end: 0 };
const stream: Place = { start: 0, end: 0 };
const maxTokens: Place = { start: 0, end: 0 };
const prompt: Place = { start: 0, end: 0 };
const places: ReadonlyMap<string, Place> = new Map(
  Object.entries({ model, user, stream, max_completion_tokens: maxTokens, prompt }),
);

/** The names of the fields that are read. */
export const multipartFields: readonly string[] = [...places.keys()];

/** The longest text that may mean a flag or a cap. */
const LONGEST_WORD = 32;
/** What the engines' form validation takes for true. */
const TRUE = /^(?:true|1|on|t|y|yes)$/i;
const WHOLE_NUMBER = /^[0-9]+$/;

/**
 * Undefined where the content-type names no boundary, or the body has none of it. `cut` says that the body is only the
 * head of the message: then what was seen counts, be it nothing.
 */
export function readMultipart(contentType: string, body: Buffer, cut: boolean): MultipartForm | undefined {
  for (const place of places.values()) place.start = place.end = 0;
  const opened = parts.open(contentType, body);
  while (parts.next()) notePart();
  parts.close();
  if (opened === "no_boundary" || (opened === "no_parts" && !cut)) return undefined;
  const cap = textAt(body, maxTokens, LONGEST_WORD);
  return {
    model: textAt(body, model, LONGEST_MODEL),
    session: textAt(body, user, LONGEST_MODEL),
    stream: TRUE.test(textAt(body, stream, LONGEST_WORD)),
    maxTokens: WHOLE_NUMBER.test(cap) ? Number(cap) : Number.NaN,
    promptStart: prompt.start,
    promptEnd: prompt.end,
  };
}

function notePart(): void {
  const parameters = parametersOf(dispositionOf(parts.body.toString("latin1", parts.headStart, parts.headEnd)));
  if (parameters.has("filename")) return;
  const place = places.get(parameters.get("name") ?? "");
  if (place === undefined) return;
  place.start = parts.start;
  place.end = parts.end;
}

/** A line that begins with space continues the one before. */
function dispositionOf(head: string): string {
  const lines = head.replace(/\r?\n[ \t]/g, " ");
  return /^content-disposition[ \t]*:(.*)$/im.exec(lines)?.[1] ?? "";
}

/** "" for a text of more bytes than `longest`. */
function textAt(body: Buffer, { start, end }: Place, longest: number): string {
  return end - start > longest ? "" : body.toString("utf8", start, end);
}
