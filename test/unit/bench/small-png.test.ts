import { crc32, deflateSync, inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { smallPng } from "../../../bench/small-png.ts";

const [width, height] = [3, 2];
/** By rows, each behind the filter it is written with: as it is, and as the difference to the row above. */
const rows = Buffer.from(
  [
    [0, 255, 0, 0, 0, 255, 0, 0, 0, 255],
    [2, 0, 0, 0, 0, 0, 0, 10, 0, 0],
  ].flat(),
);

function chunk(kind: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

function head(colourType: number): Buffer {
  return Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, colourType, 0, 0, 0]);
}

const signature = Buffer.from("89504e470d0a1a0a", "hex");
const picture = Buffer.concat([
  signature,
  chunk("IHDR", head(2)),
  chunk("IDAT", deflateSync(rows)),
  chunk("IEND", Buffer.alloc(0)),
]);

test("smallPng keeps every pixel of a picture with few colours", () => {
  const small = smallPng(picture);
  expect(small.subarray(0, 33)).toEqual(Buffer.concat([signature, chunk("IHDR", head(3))]));
  const paletteAt = 33;
  expect(small.toString("latin1", paletteAt + 4, paletteAt + 8)).toBe("PLTE");
  const colours = small.readUInt32BE(paletteAt) / 3;
  const colourOf = (index: number) => small.readUIntBE(paletteAt + 8 + index * 3, 3);
  const pixelsAt = paletteAt + 12 + colours * 3;
  const packed = small.subarray(pixelsAt + 8, pixelsAt + 8 + small.readUInt32BE(pixelsAt));
  const indexed = inflateSync(packed);
  const pixels = [1, 2, 3, 5, 6, 7].map((at) => colourOf(indexed[at] ?? 0));
  expect(pixels).toEqual([0xff0000, 0x00ff00, 0x0000ff, 0xff0000, 0x00ff00, 0x0a00ff]);
  expect(colours).toBe(4);
});

test("smallPng refuses a picture of another kind", () => {
  const grey = Buffer.concat([signature, chunk("IHDR", head(0)), chunk("IDAT", deflateSync(rows))]);
  expect(() => smallPng(grey)).toThrow("another kind");
});
