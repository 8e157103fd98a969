/** Random JSON texts in every spelling the grammar allows, and texts broken in ways a scanner may overlook. */
import type { Random } from "./random.ts";

const spaces = ["", "", "", " ", "\n", "\t", "\r\n", "  \n    "];
const numbers = ["0", "-0", "7", "-12", "3.25", "0.5e1", "1E+9", "2e-7", "-0.0", "1e999", "12345678901234567890"];
const pieces = [
  "a",
  "lorem ipsum ",
  "é",
  "模型",
  "😀",
  "\\n",
  '\\"',
  "\\\\",
  "\\/",
  "\\u0041",
  "\\uD83D",
  "\\udE00",
  "\u007f",
  "{",
  "]",
  ":",
];
/** What a mutation puts in: bytes with a meaning, and bytes just beside them. */
const oddBytes = [
  ...Buffer.from('"\\{}[]:,-+.eE0123456789truefalsn /u \n\t\r!#'),
  0,
  1,
  0x1f,
  0x7f,
  0x80,
  0xa2,
  0xdc,
  0xef,
  0xff,
];

export function space(random: Random): string {
  return random.of(spaces);
}

function jsonString(random: Random): string {
  return `"${Array.from({ length: random.int(6) }, () => random.of(pieces).repeat(1 + random.int(4))).join("")}"`;
}

/** A value of at most `depth` nested containers. */
export function jsonText(random: Random, depth: number): string {
  const kind = random.int(depth > 0 ? 7 : 4);
  if (kind < 2) return jsonString(random);
  if (kind === 2) return random.of(numbers);
  if (kind === 3) return random.of(["true", "false", "null"]);
  const items = Array.from({ length: random.int(4) }, () => {
    const value = `${space(random)}${jsonText(random, depth - 1)}${space(random)}`;
    return kind === 4 ? value : `${space(random)}${jsonString(random)}${space(random)}:${value}`;
  });
  const inside = items.length === 0 ? space(random) : items.join(",");
  return kind === 4 ? `[${inside}]` : `{${inside}}`;
}

/** One to three changes: a byte replaced, added or lost, a stretch repeated, the end cut off. */
export function broken(random: Random, text: Buffer): Buffer {
  let bytes = text;
  for (let changes = 1 + random.int(3); changes > 0; changes--) {
    const at = random.int(bytes.length + 1);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const odd = Buffer.of(random.of(oddBytes));
    const change = random.int(5);
    if (change === 0) bytes = Buffer.concat([head, odd, tail.subarray(1)]);
    else if (change === 1) bytes = Buffer.concat([head, odd, tail]);
    else if (change === 2) bytes = Buffer.concat([head, tail.subarray(1)]);
    else if (change === 3) bytes = Buffer.concat([head, tail.subarray(0, 5), tail]);
    else bytes = Buffer.from(head);
  }
  return bytes;
}

/** The same bytes at an offset that is no multiple of four, between others that are not part of it. */
export function shifted(bytes: Uint8Array, shift: number): Buffer {
  const room = Buffer.from(new ArrayBuffer(bytes.length + 16)).fill('"');
  room.set(bytes, 4 + shift);
  return room.subarray(4 + shift, 4 + shift + bytes.length);
}
