import { describe, expect, test } from "vitest";
import { BAD, JsonScanner, MAX_DEPTH, MAX_WORK, VALUE_WORK } from "../../../src/request/scan-json.ts";
import { Random } from "../../support/random.ts";
import { broken, jsonText, shifted, space } from "../../support/random-json.ts";

const scanner = new JsonScanner();

function accepts(bytes: Uint8Array): boolean {
  scanner.open(bytes);
  const behind = scanner.skipValue(scanner.skipSpace(0));
  return behind !== BAD && scanner.skipSpace(behind) === bytes.length;
}

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

describe("JsonScanner.skipValue", () => {
  test.each([
    "{}",
    "[]",
    "[ ]",
    "{ }",
    '""',
    "0",
    "-0",
    "-0.5",
    "10e5",
    "1E-2",
    "1.5e+3",
    "true",
    "false",
    "null",
    ' \t\r\n"a" \n',
    '{"a":{"b":[1,2,{"c":null}]}}',
    '"\\u00e9\\b\\f\\n\\r\\t\\/\\\\\\""',
    '"\u007f é 模 😀"',
    '[[],{},"",0]',
    "[1,20 , 3,\n4 ]",
    "[1,0,2,-3,4.5,6e7,8]",
    '[1,"a",2,[3,4],5,{"b":6,"c":7},8]',
    '"\\n\\n\\t\\u0041\\u0042\\n"',
    '{"a":1,"a":2}',
  ])("accepts %s", (text) => {
    expect(parses(Buffer.from(text))).toBe(true);
    expect(accepts(Buffer.from(text))).toBe(true);
  });

  test.each([
    "",
    " ",
    "{",
    "[",
    '"',
    "}",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,2",
    "[1,2,",
    "[1,2,]",
    "[1,,2]",
    "[1,01]",
    "[1,2.]",
    "[1,2a,3]",
    "[1,2}",
    '{"a":1,2}',
    '"\\n\\x"',
    '"\\n\\u004"',
    '"\\n\\',
    "[1}",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{"a" 1}',
    "{a:1}",
    "{1:1}",
    '{"a":1]',
    '{"a:1}',
    "{,}",
    '{"a":1 "b":2}',
    "01",
    "-",
    "-a",
    "1.",
    ".5",
    "1.e3",
    "1e",
    "1e+",
    "+1",
    "--1",
    "0x10",
    "NaN",
    "Infinity",
    "tru",
    "trux",
    "True",
    "nul",
    "falsy",
    "undefined",
    "'a'",
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\\',
    '"\\u',
    '"a\nb"',
    '"a\tb"',
    '"a\u0000b"',
    '"abcdefg\u001f"',
    '"abc\u0001defghi"',
    "1 2",
    '"a" "b"',
    "/**/1",
    "\u00a01",
    "\ufeff{}",
    "{}\u0000",
    "[1]]",
    '"a"b',
  ])("refuses %j", (text) => {
    expect(parses(Buffer.from(text))).toBe(false);
    expect(accepts(Buffer.from(text))).toBe(false);
  });

  test("agrees with JSON.parse on random texts, whole, broken and cut, at every alignment", () => {
    const random = new Random(20_251);
    const seen = { accepted: 0, refused: 0 };
    for (let round = 0; round < 6000; round++) {
      const text = Buffer.from(space(random) + jsonText(random, 5) + space(random));
      const bytes = round % 4 === 0 ? text : broken(random, text);
      const expected = parses(bytes);
      seen[expected ? "accepted" : "refused"]++;
      const got = accepts(shifted(bytes, round & 3));
      if (got !== expected) expect.fail(`${expected ? "refused" : "accepted"} ${JSON.stringify(bytes.toString())}`);
    }
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(1500);
  });

  test("refuses every head of a text and the text with a byte behind it", () => {
    const text = Buffer.from('{"a": ["x\\u0041\\n", -1.5e3, true, null, {"b": {}}, []], "": "é"}');
    for (let end = 0; end < text.length; end++) expect(accepts(text.subarray(0, end)), `cut at ${end}`).toBe(false);
    expect(accepts(text)).toBe(true);
    expect(accepts(Buffer.concat([text, Buffer.from(",")]))).toBe(false);
  });

  test.each(["\\n", '\\"', "\\u0041", "é", '"', "\n", "#"])(
    "finds the end of a string with %j at any place in it",
    (odd) => {
      for (let before = 0; before < 12; before++) {
        for (let after = 0; after < 12; after++) {
          const bytes = Buffer.from(`"${"a".repeat(before)}${odd}${"b".repeat(after)}"`);
          for (let shift = 0; shift < 4; shift++) expect(accepts(shifted(bytes, shift))).toBe(parses(bytes));
        }
      }
    },
  );

  test.each([
    ["arrays", "[", "]", "0"],
    ["objects", '{"a":', "}", "0"],
    ["empty arrays", "[", "]", ""],
  ])("takes %s up to the depth limit and refuses deeper ones", (_, open, close, inner) => {
    const nested = (depth: number) => Buffer.from(open.repeat(depth) + inner + close.repeat(depth));
    expect(accepts(nested(MAX_DEPTH))).toBe(true);
    expect(accepts(nested(MAX_DEPTH + 1))).toBe(false);
  });

  test("survives a body of nothing but opening brackets", () => {
    expect(accepts(Buffer.alloc(1_000_000, "["))).toBe(false);
    expect(accepts(Buffer.from('{"a":'.repeat(100_000)))).toBe(false);
  });
});

describe("JsonScanner.gaveUp", () => {
  const values = MAX_WORK / VALUE_WORK;

  test.each([
    ["values of an array", "[", "-1,", values, "-1]"],
    ["members", "{", '"a":-1,', values, '"a":1}'],
    ["containers in containers", "[", "[[],[]],", values / 4, "0]"],
    ["whole numbers", "[", "12,", MAX_WORK / 2, "3]"],
    ["escapes", '"', "\\n", MAX_WORK, '"'],
    ["escapes apart", '"', "\\u0041b", MAX_WORK, '"'],
  ])("is true of twice the work in %s, and false of half of it", (_, open, item, count, close) => {
    expect(accepts(Buffer.from(open + item.repeat(count * 2) + close))).toBe(false);
    expect(scanner.gaveUp).toBe(true);
    expect(accepts(Buffer.from(open + item.repeat(count / 2) + close))).toBe(true);
    expect(scanner.gaveUp).toBe(false);
  });

  test("bounds how often a visitor is called", () => {
    let visits = 0;
    scanner.open(Buffer.from(`[${"[],".repeat(1_000_000)}0]`));
    const behind = scanner.elements(0, (at) => {
      visits++;
      return scanner.skipValue(at);
    });
    expect([behind, scanner.gaveUp]).toEqual([BAD, true]);
    expect(visits).toBeLessThanOrEqual(values);
  });

  test.each(["[", "[0,"])("is true of %s and more containers walked than there is work for", (head) => {
    const text = head + "[],".repeat(values);
    scanner.open(Buffer.from(text));
    const visit = (at: number): number => (scanner.byteAt(at) === 0x30 ? at + 1 : scanner.elements(at, visit));
    expect([scanner.elements(0, visit), scanner.gaveUp]).toEqual([BAD, true]);
  });

  test("is false of broken text", () => {
    expect(accepts(Buffer.from("[1,}"))).toBe(false);
    expect(scanner.gaveUp).toBe(false);
  });
});

describe("JsonScanner.spaces", () => {
  test.each([
    ["[1,2]", false],
    ['{"a b":" "}', false],
    ["[1, 2]", true],
    ["[1,2 ]", true],
    ['{"a" :1}', true],
    ['{"a":\n1}', true],
    ["[ ]", true],
  ])("counts those between the tokens of %j: %s", (text, isSpaced) => {
    scanner.open(Buffer.from(text));
    scanner.skipValue(0);
    expect(scanner.spaces > 0).toBe(isSpaced);
  });
});

describe("JsonScanner.members", () => {
  test("visits every value with its key", () => {
    const bytes = Buffer.from(' { "a" : 1 , "b\\u0041" : [ 2 ] , "" : { "c" : 3 } } ');
    scanner.open(bytes);
    const seen: string[] = [];
    const behind = scanner.members(1, (at) => {
      const key = bytes.toString("utf8", scanner.keyStart, scanner.keyEnd);
      const next = scanner.skipValue(at);
      seen.push(`${key}=${bytes.toString("utf8", at, next)}`);
      return next;
    });
    expect(seen).toEqual(["a=1", "b\\u0041=[ 2 ]", '={ "c" : 3 }']);
    expect(behind).toBe(bytes.length - 1);
  });

  test.each(['{"a":1', '{"a":}', "{1:2}", '{"a":1,}', '{"a":1]', "{"])("ends with BAD on %s", (text) => {
    scanner.open(Buffer.from(text));
    expect(scanner.members(0, (at) => scanner.skipValue(at))).toBe(BAD);
  });
});

describe("JsonScanner.elements", () => {
  test("visits every element", () => {
    scanner.open(Buffer.from('[ 1,"a" ,[],{} ]x'));
    const seen: number[] = [];
    const behind = scanner.elements(0, (at) => {
      seen.push(at);
      return scanner.skipValue(at);
    });
    expect(seen).toEqual([2, 4, 9, 12]);
    expect(behind).toBe(16);
  });

  test("of an empty array visits nothing", () => {
    scanner.open(Buffer.from("[ ]"));
    expect(scanner.elements(0, () => expect.fail("visited"))).toBe(3);
  });
});
