import { describe, expect, test } from "vitest";
import { varintBytes, varintLength, WireReader, wireType, writeVarint } from "../../../src/ext-proc/wire.ts";

const values = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];

function readerOf(bytes: Buffer): WireReader {
  const reader = new WireReader();
  reader.reset(bytes);
  return reader;
}

test.each(values)("a varint of %d reads back, in the length foretold", (value) => {
  const bytes = varintBytes(value);
  const target = Buffer.alloc(12);
  expect(varintLength(value)).toBe(bytes.length);
  expect(writeVarint(target, 1, value)).toBe(1 + bytes.length);
  expect(target.subarray(1, 1 + bytes.length)).toEqual(bytes);
  const reader = readerOf(bytes);
  expect(reader.varint(bytes.length)).toBe(value);
  expect(reader).toMatchObject({ at: bytes.length, failed: false });
});

describe("WireReader", () => {
  test("stops a varint at the end it is given, not at the end of the bytes", () => {
    const reader = readerOf(Buffer.from([0x80, 0x80, 0x01]));
    expect(reader.varint(2)).toBe(0);
    expect(reader).toMatchObject({ at: 0, failed: true });
  });

  test("takes a length that ends with its enclosing field, and refuses one byte more", () => {
    expect(readerOf(Buffer.from([2, 0, 0, 0])).lengthEnd(3)).toBe(3);
    const reader = readerOf(Buffer.from([3, 0, 0, 0]));
    reader.lengthEnd(3);
    expect(reader.failed).toBe(true);
  });

  test.each([
    ["varint", wireType.varint, 2],
    ["fixed64", wireType.fixed64, 8],
    ["length-delimited", wireType.lengthDelimited, 3],
    ["fixed32", wireType.fixed32, 4],
  ])("skips a %s field by its own length", (_name, type, length) => {
    const bytes = type === wireType.lengthDelimited ? Buffer.from([2, 9, 9, 9]) : Buffer.alloc(9);
    if (type === wireType.varint) bytes[0] = 0x80;
    const reader = readerOf(bytes);
    reader.skip(type, bytes.length);
    expect(reader).toMatchObject({ at: length, failed: false });
  });
});
