/** Pictures of pages made small: 256 colours are plenty where most is flat, and a third of the bytes. */
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS = 256;
const FREQUENT = 128;
const nobody = { colour: 0, index: 0, distance: 0 };
const TRUECOLOUR = 2;
const INDEXED = 3;

/** Takes what browsers write: 8 bits a channel, without transparency, not interlaced. */
export function smallPng(png: Buffer): Buffer {
  const { width, height, packed } = chunksOf(png);
  const pixels = unfiltered(inflateSync(packed), width, height);
  const { palette, indexOf } = paletteOf(pixels);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + 1 + x] = indexOf.get(pixels.readUIntBE((y * width + x) * 3, 3)) ?? 0;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, INDEXED, 0, 0, 0], 8);
  const parts = [chunk("IHDR", head), chunk("PLTE", palette), chunk("IDAT", deflateSync(rows, { level: 9 }))];
  return Buffer.concat([SIGNATURE, ...parts, chunk("IEND", Buffer.alloc(0))]);
}

function chunksOf(png: Buffer): { width: number; height: number; packed: Buffer } {
  if (png[24] !== 8 || png[25] !== TRUECOLOUR || png[28] !== 0) throw new Error("a PNG of another kind");
  const packed: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") packed.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), packed: Buffer.concat(packed) };
}

/** The filters of PNG, undone: each byte is told as its difference to what stands left of it, above it, or both. */
function unfiltered(raw: Buffer, width: number, height: number): Buffer {
  const stride = width * 3;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x < 3 ? 0 : (pixels[y * stride + x - 3] ?? 0);
      const above = y === 0 ? 0 : (pixels[(y - 1) * stride + x] ?? 0);
      const corner = y === 0 || x < 3 ? 0 : (pixels[(y - 1) * stride + x - 3] ?? 0);
      const guesses = [0, left, above, (left + above) >> 1, nearest(left, above, corner)];
      pixels[y * stride + x] = (raw[y * (stride + 1) + 1 + x] ?? 0) + (guesses[filter ?? 0] ?? 0);
    }
  }
  return pixels;
}

function nearest(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [toLeft, toAbove, toCorner] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** The most frequent colours, and of the rare ones those that differ most; every other one becomes the nearest of them. */
function paletteOf(pixels: Buffer): { palette: Buffer; indexOf: ReadonlyMap<number, number> } {
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = pixels.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const colours = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const kept = colours.slice(0, FREQUENT);
  const others = colours.slice(FREQUENT).map((colour) => ({ colour, index: 0, distance: Number.POSITIVE_INFINITY }));
  for (let index = 0; index < kept.length; index++) {
    for (const other of others) {
      const to = distance(other.colour, kept[index] ?? 0);
      if (to < other.distance) Object.assign(other, { index, distance: to });
    }
    if (index < kept.length - 1 || kept.length === COLOURS) continue;
    const urgency = ({ colour, distance: far }: (typeof others)[number]) => far * Math.sqrt(counts.get(colour) ?? 0);
    const next = others.reduce((most, each) => (urgency(each) > urgency(most) ? each : most), others[0] ?? nobody);
    if (next.distance > 0 && next !== nobody) kept.push(next.colour);
  }
  const indexOf = new Map(others.map(({ colour, index }) => [colour, index]));
  for (const [index, colour] of kept.entries()) indexOf.set(colour, index);
  const palette = Buffer.alloc(kept.length * 3);
  for (const [index, colour] of kept.entries()) palette.writeUIntBE(colour, index * 3, 3);
  return { palette, indexOf };
}

function distance(a: number, b: number): number {
  return [16, 8, 0].reduce((sum, shift) => sum + (((a >> shift) & 255) - ((b >> shift) & 255)) ** 2, 0);
}

function chunk(kind: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
