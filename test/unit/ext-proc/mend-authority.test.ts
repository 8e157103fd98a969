import { expect, test } from "vitest";
import { FrameWalk } from "../../../src/ext-proc/frame-walk.ts";
import { mendAuthority } from "../../../src/ext-proc/mend-authority.ts";

/** `:method POST` and `:scheme http` of the static table, `:path` by a literal whose name is spelled out. */
const before = [0x83, 0x86, 0x00, 5, ...Buffer.from(":path"), 4, ...Buffer.from("/a|b")];
/** A change of the table's size, which may open a block. */
const resize = [0x3f, 0xe1, 0x1f];

const literal = (first: readonly number[], value: string) =>
  Buffer.from([...resize, ...before, ...first, value.length, ...Buffer.from(value, "latin1"), 0x82]);
/** Its length takes more than one byte from 127 on: 7 bits full, then the rest in 7 bits a byte. */
const long = (value: string) => {
  const rest = value.length - 127;
  const length = rest < 0 ? [value.length] : rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
  return Buffer.from([0x41, ...length, ...Buffer.from(value)]);
};

test.each([
  ["with indexing", [0x41]],
  ["without indexing", [0x01]],
  ["never indexed", [0x11]],
  ["whose name is spelled out", [0x40, 10, ...Buffer.from(":authority")]],
])("mendAuthority changes each forbidden character of a plain literal %s, and nothing else", (_, first) => {
  const mended = mendAuthority(literal(first, "outbound|9002||pointsman.default/{x} \xe4"));
  expect(mended).toEqual(literal(first, "outbound-9002--pointsman.default--x---"));
});

test("mendAuthority writes a name of any length", () => {
  for (const length of [126, 127, 128, 254, 255, 300]) {
    const [value, mended] = [`${"a".repeat(length - 1)}|`, `${"a".repeat(length - 1)}-`];
    expect(mendAuthority(long(value))).toEqual(long(mended));
  }
});

test("mendAuthority leaves a host's name alone, plain or in Huffman code", () => {
  // www.example.com, as RFC 7541 spells it out in C.4.1.
  const coded = [0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
  for (const block of [literal([0x41], "www.example.com:9002"), Buffer.from(coded)]) {
    expect(mendAuthority(block)).toBeUndefined();
  }
});

test.each([
  ["nothing", []],
  ["a literal without an end", [0x41]],
  ["a value longer than the block", [0x41, 0x7f, 0xff, 0xff, 0x03, 0x7c]],
  ["an integer without an end", [0x41, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["a Huffman code of 30 bits", [0x41, 0x84, 0xff, 0xff, 0xff, 0xff]],
])("mendAuthority leaves a block that is %s to HTTP/2", (_, bytes) => {
  expect(mendAuthority(Buffer.from(bytes))).toBeUndefined();
});

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const frame = (type: number, flags: number, payload: Buffer) =>
  Buffer.concat([Buffer.from([0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, 1]), payload]);

/** Settings, a request in a padded frame with a priority, its body, which looks like a head, and another request. */
const conversation = (name: string) =>
  Buffer.concat([
    preface,
    frame(4, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff])),
    frame(1, 0x2c, Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 16]), literal([0x41], name), Buffer.from("|||")])),
    frame(0, 0, literal([0x41], "outbound|a")),
    frame(1, 4, literal([0x01], name)),
  ]);

test("FrameWalk mends the head of each request and nothing else, however the bytes are cut", () => {
  const expected = conversation("outbound-9002--x");
  for (const size of [1, 2, 7, 40, 1000]) {
    const walk = new FrameWalk();
    const sent = conversation("outbound|9002||x");
    const passed: Buffer[] = [];
    for (let at = 0; at < sent.length; at += size) {
      passed.push(Buffer.from(walk.push(Buffer.from(sent.subarray(at, at + size)))));
    }
    expect(Buffer.concat(passed)).toEqual(expected);
    expect(walk.first).toBe("mended");
  }
});

test("FrameWalk keeps back only the frame that may have to be mended", () => {
  const walk = new FrameWalk();
  const sent = conversation("outbound|9002||x");
  const beforeHead = preface.length + 15;
  expect(walk.push(Buffer.from(sent.subarray(0, beforeHead + 30))).length).toBe(beforeHead);
  expect(walk.first).toBeUndefined();
});

test("FrameWalk makes a frame longer whose name was in Huffman code", () => {
  // `a|` in 5 and 11 bits, and 8 more of `a`.
  const coded = [0x1f, 0xfc, 0x18, 0xc6, 0x31, 0x8c, 0x63];
  const sent = frame(1, 4, Buffer.from([0x41, 0x80 | coded.length, ...coded, 0x82]));
  const expected = frame(1, 4, Buffer.from([0x41, 10, ...Buffer.from("a-aaaaaaaa"), 0x82]));
  const passed = new FrameWalk().push(Buffer.concat([preface, sent, sent]));
  expect(passed).toEqual(Buffer.concat([preface, expected, expected]));
});

test("FrameWalk lets a head pass that is longer than a frame may be", () => {
  const walk = new FrameWalk();
  const long = Buffer.concat([preface, Buffer.from([0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1]), Buffer.alloc(100)]);
  expect(walk.push(long).length).toBe(long.length);
});
