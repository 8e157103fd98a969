import { describe, expect, test } from "vitest";
import { EventReader, EventTooLong, LONGEST_EVENT } from "../../../src/translators/event-reader.ts";

function read(...pieces: readonly (string | Uint8Array)[]) {
  const reader = new EventReader();
  return pieces.flatMap((piece) => [...reader.push(typeof piece === "string" ? Buffer.from(piece) : piece)]);
}

const stream =
  'event: first\ndata: {"a":1}\n\n: a comment\r\nid: 7\r\ndata:two\r\ndata: lines – 日\r\n\r\nretry: 5\r\rdata\r\r';
const events = [
  { event: "first", data: '{"a":1}' },
  { event: "", data: "two\nlines – 日" },
  { event: "", data: "" },
];

describe("EventReader", () => {
  test("reads lines that end with LF, CR or both, and passes over comments and other fields", () => {
    expect(read(stream)).toEqual(events);
  });

  test("reads the same wherever the bytes are cut", () => {
    const bytes = Buffer.from(stream);
    for (let at = 0; at <= bytes.length; at++) {
      expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(events);
    }
    expect(read(...[...bytes].map((byte) => Buffer.of(byte)))).toEqual(events);
    expect(read(...[...bytes].flatMap((byte) => [Buffer.alloc(0), Buffer.of(byte)]))).toEqual(events);
  });

  test("passes over a byte order mark, and keeps all space but the first behind the colon", () => {
    expect(read("\ufeffdata:  x \n\n")).toEqual([{ event: "", data: " x " }]);
  });

  test("forgets the name of an event without data", () => {
    expect(read("event: lost\n\ndata: kept\n\n")).toEqual([{ event: "", data: "kept" }]);
  });

  test("makes nothing of an event that has no end", () => {
    expect(read("data: whole\n\ndata: cut\n")).toEqual([{ event: "", data: "whole" }]);
  });

  test.each([
    ["one line", () => "x".repeat(1024 * 1024)],
    ["many lines of data", () => `data: ${"x".repeat(1024 * 1024)}\n`],
  ])("takes no event that is too long for memory, of %s", (_title, piece) => {
    const reader = new EventReader();
    const pieces = LONGEST_EVENT / (1024 * 1024) + 1;
    reader.push(Buffer.from("data: "));
    expect(() => {
      for (let i = 0; i < pieces; i++) reader.push(Buffer.from(piece()));
    }).toThrow(EventTooLong);
  });
});
