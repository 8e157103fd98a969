/** A text of a fixture with one thing changed. */
import { expect } from "vitest";

/** Fails where there is nothing to replace: a test of what is not there would pass for ever. */
export function replaced(text: string, what: RegExp, by: string): string {
  expect(text).toMatch(what);
  return text.replace(what, by);
}
