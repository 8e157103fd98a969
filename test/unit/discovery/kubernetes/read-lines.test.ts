import { describe, expect, test } from "vitest";
import { lineBatches, readText } from "../../../../src/discovery/kubernetes/read-lines.ts";

async function* chunks(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function batchesOf(limit: number, ...texts: readonly string[]) {
  const batches: string[][] = [];
  for await (const batch of lineBatches(chunks(...texts), limit)) batches.push(batch);
  return batches;
}

describe("lineBatches", () => {
  test("gives the lines that each chunk completes, together", async () => {
    expect(await batchesOf(9, "a\nb\nc", "", "d", "\n", "\n\r\ne\n")).toEqual([["a", "b"], ["cd"], ["e"]]);
  });

  test("takes a last line without an end for cut short, unless it is blank", async () => {
    await expect(batchesOf(9, "a\nb")).rejects.toThrow("cut short");
    expect(await batchesOf(9, "a\n ")).toEqual([["a"]]);
  });

  test("gives up on a line that never ends", async () => {
    await expect(batchesOf(9, "a\n12345", "67890")).rejects.toThrow("more than 9 characters");
    expect(await batchesOf(9, "12345", "6789\n")).toEqual([["123456789"]]);
  });
});

describe("readText", () => {
  test("reads an answer up to its limit", async () => {
    expect(await readText(chunks("12", "34"), 4)).toBe("1234");
    await expect(readText(chunks("12", "345"), 4)).rejects.toThrow("more than 4 bytes");
  });
});
