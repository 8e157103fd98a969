import { expect, test } from "vitest";
import { plainLine } from "../../../src/explain/plain-line.ts";

test("plainLine shows what would move the cursor or turn the text, and leaves JSON what it is", () => {
  expect(plainLine("model m\n\u001b[31m\u009b2J\u202eevil ü, 模型 é")).toBe(
    "model m\\u000a\\u001b[31m\\u009b2J\\u202eevil ü, 模型 é",
  );
  const told = { model: "a\r\n\u001b\u009b\u202e\u2066\u2028b" };
  expect(JSON.parse(plainLine(JSON.stringify(told)))).toEqual(told);
});
