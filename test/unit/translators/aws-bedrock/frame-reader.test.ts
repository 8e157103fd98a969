/** Amazon's event stream encoding, against messages whose bytes are known from elsewhere and against broken ones. */
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { BrokenFrame, type FrameMessage, FrameReader } from "../../../../src/translators/aws-bedrock/frame-reader.ts";
import { frame, readableCaptures } from "../../../support/amazon-frames.ts";

/** As AWS' own library for JavaScript writes a message with a header of each kind. */
const allKinds = Buffer.from(
  "0000007a000000689529ce6d017400016601016202fd017303012c01690400011170016c05000000012a05f2000178060003010203" +
    "03737472070006e697a5e6b2a1027473080000018bcfe56800017509123456781234123412341234567890120b3a6576656e742d" +
    "747970650700046c61737468691482ec5b",
  "hex",
);

const event = frame({ ":event-type": "messageStart", ":message-type": "event" }, '{"role":"assistant"}');

function read(bytes: Uint8Array, step = bytes.length): FrameMessage[] {
  const reader = new FrameReader();
  const messages: FrameMessage[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    // The bytes are the network's own, which are used again.
    const lent = Buffer.from(bytes.subarray(at, at + step));
    messages.push(...reader.push(lent));
    lent.fill(0);
  }
  return messages;
}

const shown = (messages: readonly FrameMessage[]) =>
  messages.map(({ headers, payload }) => ({ headers: Object.fromEntries(headers), payload: payload.toString() }));

/** How many messages were read, or that they are broken. */
function outcomeOf(bytes: Buffer): number | string {
  try {
    return read(bytes).length;
  } catch (error) {
    return error instanceof BrokenFrame ? "broken" : String(error);
  }
}

describe("FrameReader", () => {
  test("reads the message of the published test vectors that has nothing in it", () => {
    const published = Buffer.from("000000100000000005c248eb7d98c8ff", "hex");
    expect(shown(read(published))).toEqual([{ headers: {}, payload: "" }]);
    expect(frame({}, "")).toEqual(published);
  });

  test("passes over headers that are no strings, by the length of their kind", () => {
    expect(shown(read(allKinds))).toEqual([{ headers: { str: "日没", ":event-type": "last" }, payload: "hi" }]);
  });

  test("reads the same wherever the bytes are cut", () => {
    const bytes = Buffer.concat([event, frame({}, "x".repeat(3000)), allKinds, event]);
    const whole = shown(read(bytes));
    expect(whole).toHaveLength(4);
    const steps = Array.from({ length: 200 }, (_, index) => index + 1);
    expect(steps.filter((step) => JSON.stringify(shown(read(bytes, step))) !== JSON.stringify(whole))).toEqual([]);
  });

  test("puts a long message together once, and not with each of its pieces", () => {
    const [message] = read(frame({}, "x".repeat(8 * 1024 * 1024)), 1024);
    expect(message?.payload).toHaveLength(8 * 1024 * 1024);
  });

  test("takes no message for another when one bit of it is another", () => {
    const flipped = Array.from({ length: event.length * 8 }, (_, bit) => {
      const bytes = Buffer.from(event);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes;
    });
    expect(flipped.filter((bytes) => outcomeOf(bytes) !== "broken")).toEqual([]);
    expect(outcomeOf(event)).toBe(1);
  });

  test("says that a message is broken behind those that were not", () => {
    const damaged = Buffer.from(event);
    damaged[20] = 0;
    const reading = new FrameReader().push(Buffer.concat([event, damaged, event]));
    expect(reading.next().value?.headers.get(":event-type")).toBe("messageStart");
    expect(() => reading.next()).toThrow(BrokenFrame);
  });

  test.each([
    ["longer than AWS sends any", 0x7fff_ffff, 0],
    ["shorter than its own frame", 15, 0],
    ["with headers that are longer than itself", 40, 25],
  ])("refuses a message that says it is %s, before it waits for it", (_, length, headersLength) => {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(length, 0);
    lengths.writeUInt32BE(headersLength, 4);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(lengths));
    expect(() => read(Buffer.concat([lengths, sum]))).toThrow(BrokenFrame);
  });

  test.each([
    ["end within a name", [5, 97]],
    ["end within a value", [1, 97, 7, 0, 9, 97]],
    ["end before the length of a value", [1, 97, 7, 0]],
    ["have a value of no known kind", [1, 97, 10, 0]],
  ])("refuses headers that %s", (_, bytes) => {
    expect(() => read(frame(Buffer.from(bytes), ""))).toThrow(BrokenFrame);
  });
});

describe("the captures of Bedrock's streams", () => {
  const captures = readableCaptures();

  test.each(captures.map(({ file, bytes }) => [file.slice(file.lastIndexOf("/") + 1), file, bytes]))(
    "%s is what its readable form says",
    (_, file, bytes) => {
      expect(readFileSync(String(file))).toEqual(bytes);
    },
  );
});
