import { describe, expect, test } from "vitest";
import { CompactValue, SLICE_BYTES } from "../../../src/request/compact-value.ts";
import { Random } from "../../support/random.ts";
import { jsonText, space } from "../../support/random-json.ts";

const compact = new CompactValue();

/** All of the value, taken in pieces of at most `room` bytes. */
function filled(text: string, room = SLICE_BYTES): string {
  const body = Buffer.from(`#${text}#`);
  compact.open(body, 1, body.length - 1);
  let all = Buffer.alloc(0);
  while (compact.at < body.length - 1) {
    const length = compact.fill(room);
    expect(length === room || compact.at === body.length - 1).toBe(true);
    all = Buffer.concat([all, compact.slice.subarray(0, length)]);
  }
  return all.toString();
}

/** CPU time of the fastest of some runs: other processes and the compiler only add to it. */
function leastMicros(run: () => void): number {
  const micros = Array.from({ length: 12 }, () => {
    const startedAt = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(startedAt);
    return user + system;
  });
  return Math.min(...micros);
}

describe("CompactValue", () => {
  test.each([
    ["[1, 2,\n3 ]", "[1,2,3]"],
    ['{ "a b" : " c\\" d " ,\t"e":[ ] }', '{"a b":" c\\" d ","e":[]}'],
    ['["\\\\" , "\\\\\\" " ]', '["\\\\","\\\\\\" "]'],
    ['["模 型", "a', '["模 型","a'],
    [" ", ""],
  ])("makes %j to %j, whatever the slices", (text, expected) => {
    for (const room of [1, 2, 3, 8, SLICE_BYTES]) expect(filled(text, room), `room ${room}`).toBe(expected);
  });

  test("leaves out all space between the tokens of random texts and none within them", () => {
    const random = new Random(31);
    for (let round = 0; round < 500; round++) {
      const text = space(random) + jsonText(random, 5) + space(random);
      const expected = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
      expect(filled(text, 1 + random.int(40))).toBe(expected);
    }
  });

  test("leaves out long runs of space, wherever slices and the value end in them", () => {
    const random = new Random(32);
    const run = (bytes: number) => Array.from({ length: bytes }, () => random.of([" ", "\n", "\r", "\t"])).join("");
    for (let length = 1; length < 40; length++) {
      const text = `${run(length)}[${run(length)}"a${" ".repeat(length)}",${run(length)}7${run(length)}]${run(length)}`;
      const expected = `["a${" ".repeat(length)}",7]`;
      for (const room of [1, 4, 7, SLICE_BYTES]) expect(filled(text, room), `${length}, room ${room}`).toBe(expected);
    }
    const body = Buffer.from(`[${" ".repeat(100)}`);
    compact.open(body, 0, 50);
    expect([compact.fill(9), compact.at]).toEqual([1, 50]);
  });

  test("passes over megabytes of space several times faster than it copies", () => {
    const bytes = 8 * 1024 * 1024;
    const spaces = Buffer.alloc(bytes, " \n");
    const letters = Buffer.alloc(SLICE_BYTES, "[");
    const pass = () => {
      compact.open(spaces, 0, bytes);
      expect([compact.fill(SLICE_BYTES), compact.at]).toEqual([0, bytes]);
    };
    const copy = () => {
      for (let at = 0; at < bytes; at += SLICE_BYTES) {
        compact.open(letters, 0, SLICE_BYTES);
        compact.fill(SLICE_BYTES);
      }
    };
    expect(leastMicros(pass)).toBeLessThan(leastMicros(copy) / 2);
  });

  test("closed, gives nothing of the body", () => {
    compact.open(Buffer.from("[7]"), 0, 3);
    compact.close();
    compact.fill(SLICE_BYTES);
    expect(compact.slice.subarray(0, 3)).not.toEqual(Uint8Array.from(Buffer.from("[7]")));
  });
});
