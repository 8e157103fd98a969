/**
 * A multipart/form-data body (audio, image edits and variations) -> what routing reads of its text fields.
 *
 * The engines' form parser is Starlette's: of a field that comes twice the last one counts, a part with a file name is
 * a file whatever it is called, and a content-transfer-encoding is not applied. So it is here, and the whole body is
 * searched, since a later field may overrule an earlier one: 25 MB take some milliseconds, which is little beside
 * their way through the proxy. A field whose closing delimiter is missing is none, nor is a model or session that is
 * longer than they may be. Where not all could be read the form says nothing: what was not may overrule what was.
 */

import { LONGEST_MODEL } from "./inference-request.ts";
import type { ModelPlace } from "./model-place.ts";
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

export interface FormUnread {
  readonly unread: "form_broken" | "too_much";
}

const broken: FormUnread = Object.freeze({ unread: "form_broken" });
const tooMuch: FormUnread = Object.freeze({ unread: "too_much" });

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
 * Broken is what has a content-type that names no boundary, or none of it in the body. `cut` says that the body is only
 * the head of the message: then what was seen counts, be it nothing.
 */
export function readMultipart(contentType: string, body: Buffer, cut: boolean): MultipartForm | FormUnread {
  for (const place of places.values()) place.start = place.end = 0;
  const opened = parts.open(contentType, body);
  let isKnown = true;
  while (isKnown && parts.next()) isKnown = notePart();
  parts.close();
  if (opened === "no_boundary") return broken;
  if (parts.gaveUp || !isKnown) return tooMuch;
  if (opened === "no_parts" && !cut) return broken;
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

/** Where the form last read names its model; undefined where it names none. */
export function formModelPlace(): ModelPlace | undefined {
  return model.start === 0 ? undefined : { start: model.start, end: model.end, form: "plain" };
}

/** False where the part has too many parameters to know what it is. */
function notePart(): boolean {
  const parameters = parametersOf(dispositionOf(parts.body.toString("latin1", parts.headStart, parts.headEnd)));
  if (parameters === undefined) return false;
  const place = parameters.has("filename") ? undefined : places.get(parameters.get("name") ?? "");
  if (place === undefined) return true;
  place.start = parts.start;
  place.end = parts.end;
  return true;
}

/** A line that begins with space continues the one before; of two headers of the name the last one counts. */
function dispositionOf(head: string): string {
  const lines = head.replace(/\r?\n[ \t]/g, " ");
  let disposition = "";
  for (const [, value = ""] of lines.matchAll(/^content-disposition[ \t]*:(.*)$/gim)) disposition = value;
  return disposition;
}

/** "" for a text of more bytes than `longest`. */
function textAt(body: Buffer, { start, end }: Place, longest: number): string {
  return end - start > longest ? "" : body.toString("utf8", start, end);
}
