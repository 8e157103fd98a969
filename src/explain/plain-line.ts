/**
 * Lines for a terminal: names of models and pods come from elsewhere, and must neither move the cursor nor turn the order
 * of what is read. Such characters are shown as JSON escapes them, so that JSON stays the same JSON.
 */

/** C0, DEL and C1, line ends of Unicode, marks that turn the direction of text, and what is invisible. */
const unshown =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function plainLine(line: string): string {
  return line.replace(unshown, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
