/** A value of YAML that stands in one line: null, true, a number, a text with quotes or without. */

/** undefined where it takes a parser to tell: braces, tags, comments behind it. */
export function scalarOf(written: string): string | number | boolean | null | undefined {
  const text = written.trimEnd();
  const first = text.charCodeAt(0);
  if (first === 0x27) return /^'(?:[^']|'')*'$/.test(text) ? text.slice(1, -1).replaceAll("''", "'") : undefined;
  if (first === 0x22) return ofJson(text);
  if (text.includes(" #") || text.includes(": ") || text.endsWith(":")) return undefined;
  if ("[{&*!|>%@`?,]}#-~".includes(text.charAt(0))) return ofSign(text);
  // What begins with a letter is no number, and only these are no text.
  if (first > 0x39) return words.has(text) ? words.get(text) : maybeOdd(text);
  return numberOf(text);
}

const words: ReadonlyMap<string, boolean | null> = new Map([
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
  ...["null", "Null", "NULL"].map((word) => [word, null] as const),
]);

/** Control characters have to be escaped, and a text in which they are not is none that a program wrote. */
function maybeOdd(text: string): string | undefined {
  return text.includes("\t") ? undefined : text;
}

function ofSign(text: string): string | number | null | undefined {
  if (text === "~") return null;
  if (/^-[\w.]/.test(text)) return numberOf(text);
  return /^--?[\w-]/.test(text) ? text : undefined;
}

/** Escapes that YAML has and JSON has not are for the parser. */
function ofJson(text: string): string | undefined {
  if (!/^"(?:[^"\\]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"$/.test(text)) return undefined;
  try {
    return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
  } catch {
    return undefined;
  }
}

/** 0x and 0o, infinities and not-a-number are for the parser. */
function numberOf(text: string): string | number | undefined {
  if (/^[-+]?\d+$/.test(text) || /^[-+]?(?:\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (/^[-+]?\d+[eE][-+]?\d+$/.test(text)) return Number(text);
  return /^(0[xo]|[-+]?\.)/.test(text) ? undefined : maybeOdd(text);
}
