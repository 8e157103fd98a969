/**
 * Reads the parameters of a header such as `multipart/form-data; boundary=x` or `form-data; name="model"`, as the
 * engines' form parser does where that differs from the RFCs: a quote behind a backslash ends no quoted text, a
 * backslash before anything but a quote or another one stands for itself, and a name with a star (RFC 8187, which
 * RFC 7578 forbids in forms) is no parameter.
 */

/** RFC 2046 allows 70 characters; form parsers take up to this many. */
export const LONGEST_BOUNDARY = 256;

/** A header with more parameters than these is not read. */
const MAX_PARAMETERS = 32;
const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/**
 * By lower-case name, unquoted; of a name that comes twice the last one counts. Undefined where there are more than are
 * read. Takes time linear in the header.
 */
export function parametersOf(header: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  let at = parameterEnd(header, 0);
  for (let left = MAX_PARAMETERS; at < header.length; left--) {
    if (left === 0) return undefined;
    const end = parameterEnd(header, at + 1);
    note(found, header.slice(at + 1, end));
    at = end;
  }
  return found;
}

/** The boundary that a content-type names; "" when it is no multipart form or names none that is known to be one. */
export function boundaryOf(contentType: string): string {
  const type = contentType.slice(0, parameterEnd(contentType, 0));
  if (type.trim().toLowerCase() !== "multipart/form-data") return "";
  const boundary = parametersOf(contentType)?.get("boundary") ?? "";
  return boundary.length <= LONGEST_BOUNDARY ? boundary : "";
}

/** Where the next semicolon outside of quotes stands, or the header's end. */
function parameterEnd(header: string, start: number): number {
  let isQuoted = false;
  let at = start;
  for (; at < header.length; at++) {
    const code = header.charCodeAt(at);
    if (code === QUOTE) {
      if (at === start || header.charCodeAt(at - 1) !== BACKSLASH) isQuoted = !isQuoted;
    } else if (code === SEMICOLON && !isQuoted) break;
  }
  return at;
}

/** A name without a value has an empty one. */
function note(found: Map<string, string>, text: string): void {
  const equals = text.indexOf("=");
  const name = stripped(equals === -1 ? text : text.slice(0, equals)).toLowerCase();
  if (!name.includes("*")) found.set(name, equals === -1 ? "" : unquoted(stripped(text.slice(equals + 1))));
}

function unquoted(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted ? value.slice(1, -1).replaceAll("\\\\", "\\").replaceAll('\\"', '"') : value;
}

/** Without the blanks around it; other kinds of space belong to it. */
function stripped(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
