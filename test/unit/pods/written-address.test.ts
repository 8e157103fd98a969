import { expect, test } from "vitest";
import { asPodsAreWritten } from "../../../src/pods/written-address.ts";

test.each([
  ["10.0.0.1", "10.0.0.1"],
  [" 10.0.0.1:80 ", "10.0.0.1:80"],
  ["FD00:0:0::0001", "[fd00::1]"],
  ["[fd00:0::1]", "[fd00::1]"],
  ["[fd00:0::1]:80", "[fd00::1]:80"],
])("asPodsAreWritten of %j is %j", (entry, expected) => {
  expect(asPodsAreWritten(entry)).toBe(expected);
});

test("asPodsAreWritten leaves what is no address as it came", () => {
  for (const text of ["", ":", "::::", "[", "[]", "[]:1", "a:b:c", "[a]:1", "[::1]x"]) {
    expect(asPodsAreWritten(text)).toBe(text);
  }
});
