/** What others wrote, on a screen: no word of it moves the cursor, hides a line or turns the writing round. */

/** Controls but tab and newline, those of C1, and the marks for the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about.
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** In the escapes of JSON, so that JSON stays what it is. */
export function printable(text: string): string {
  return text.replace(UNSEEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What is to be one line of a list: no name begins a line of its own. */
export function inOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, "\\n");
}
