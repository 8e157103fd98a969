/** Reads the parameters of a header such as `multipart/form-data; boundary=x` or `form-data; name="model"`. */

/** RFC 2046 allows 70 characters; form parsers take up to this many. */
export const LONGEST_BOUNDARY = 256;

/** Parameters of a header beyond these are not read. */
const MAX_PARAMETERS = 32;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** By lower-case name, unquoted; of a name that comes twice the last one counts. Takes time linear in the header. */
export function parametersOf(header: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = parameterEnd(header, 0);
  for (let left = MAX_PARAMETERS; at < header.length && left > 0; left--) {
    const end = parameterEnd(header, at + 1);
    const text = header.slice(at + 1, end);
    const equals = text.indexOf("=");
    if (equals !== -1) note(found, text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim());
    at = end;
  }
  return found;
}

/** The boundary that a content-type names; "" when it is no multipart form or names none that can be one. */
export function boundaryOf(contentType: string): string {
  const type = contentType.slice(0, parameterEnd(contentType, 0));
  if (type.trim().toLowerCase() !== "multipart/form-data") return "";
  const boundary = parametersOf(contentType).get("boundary") ?? "";
  return boundary.length <= LONGEST_BOUNDARY ? boundary : "";
}

/** Where the next semicolon outside of quotes stands, or the header's end. */
function parameterEnd(header: string, start: number): number {
  let isQuoted = false;
  let at = start;
  for (; at < header.length; at++) {
    const code = header.charCodeAt(at);
    if (code === QUOTE) isQuoted = !isQuoted;
    else if (code === BACKSLASH && isQuoted) at++;
    else if (code === SEMICOLON && !isQuoted) break;
  }
  return Math.min(at, header.length);
}

/** A name with a star is RFC 8187's spelling of the same parameter: `filename*=UTF-8''a%20b.wav`. */
function note(found: Map<string, string>, name: string, value: string): void {
  if (name.endsWith("*")) found.set(name.slice(0, -1), percentDecoded(value.slice(value.lastIndexOf("'") + 1)));
  else found.set(name, unquoted(value));
}

function unquoted(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
