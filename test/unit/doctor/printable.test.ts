import { expect, test } from "vitest";
import { runDoctor } from "../../../src/cli/run-doctor.ts";
import { inOneLine, printable } from "../../../src/doctor/printable.ts";

test("printable shows what would move the cursor or turn the writing round, as JSON writes it", () => {
  expect(printable("a\u001b[2J\u009b31m\u007f\r\n\tb\u202ec")).toBe("a\\u001b[2J\\u009b31m\\u007f\\u000d\n\tb\\u202ec");
  const tree = { text: "\u009b\u202e" };
  expect(JSON.parse(printable(JSON.stringify(tree)))).toEqual(tree);
});

test("inOneLine begins no line of its own", () => {
  expect(inOneLine("a\r\nBROKEN: b")).toBe("a\\nBROKEN: b");
});

test.each([[], ["--json"]])("what the doctor prints of a line has no escape of it: %j", async (...flags) => {
  const line = '[2026-01-01T00:00:00.000Z] "POST /\u001b[2J HTTP/1.1" 503 UH 0 19 0 - "-" "\u009b31m" "a" "h" "-"';
  const said: string[] = [];
  const io = { env: {}, out: (text: string) => said.push(text), interrupted: new Promise<string>(() => undefined) };
  await runDoctor(["--line", line, ...flags], io);
  expect(said.join("\n")).toContain("u001b[2J");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there.
  expect(said.join("\n")).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
});
