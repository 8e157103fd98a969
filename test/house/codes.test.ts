/** Error codes are a promise to clients: what the documents list is what the code sends, both ways. */
import { describe, expect, test } from "vitest";
import { type ErrorCodeSpec, errorCodes } from "../../src/errors.ts";
import { listFiles, readSource } from "./tree.ts";

const codes = Object.keys(errorCodes);
const readme = readSource("README.md");
const documented = /<!-- generated: error-codes -->([\s\S]*?)<!-- \/generated -->/.exec(readme)?.[1] ?? "";

describe("error codes", () => {
  test("stand in README.md, all of them and no other", () => {
    const rows = [...documented.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
    expect(rows).toEqual(codes);
  });

  test.each(codes)("%s is sent somewhere in src", (code) => {
    const users = listFiles("src/**/*.ts").filter((path) => path !== "src/errors.ts");
    expect(users.filter((path) => readSource(path).includes(`"${code}"`))).not.toEqual([]);
  });

  test("are snake_case, and their messages are sentences without anything of the request", () => {
    const isPlain = (text: string) => /^[A-Z][^`{}$]*\.$/.test(text);
    expect(codes.filter((code) => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([]);
    expect(Object.values<ErrorCodeSpec>(errorCodes).filter(({ message }) => !isPlain(message))).toEqual([]);
  });

  test("ask for a retry where the fault may pass, and only there", () => {
    const specs = Object.values<ErrorCodeSpec>(errorCodes);
    const isOdd = ({ status, retryAfterSeconds }: ErrorCodeSpec) =>
      (status === 503 || status === 429) !== (retryAfterSeconds !== undefined);
    expect(specs.filter(isOdd)).toEqual([]);
  });
});
