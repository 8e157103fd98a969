/** decodeMessage against protobufjs: random messages of every kind, cut short, rearranged and mutated. */
import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerValue } from "../../../src/ext-proc/header-map.ts";
import { varintBytes } from "../../../src/ext-proc/wire.ts";
import { decodeByOracle, disagreements, encodeRequest } from "../../support/decode-oracle.ts";
import { oddities } from "../../support/message-oddities.ts";
import { Random } from "../../support/random.ts";
import {
  mutate,
  randomMessage,
  rearrange,
  requestKinds,
  splitFields,
  unknownField,
} from "../../support/random-messages.ts";

/** Everything decodeMessage says about the bytes, for comparing two decodings. */
function summary(bytes: Buffer): string {
  const { kind, start, end, endOfStream, path, contentLength, requestBodyMode, responseBodyMode } =
    decodeMessage(bytes);
  return JSON.stringify({ kind, start, end, endOfStream, path, contentLength, requestBodyMode, responseBodyMode });
}

function differences(bytes: Buffer): string[] {
  const ours = decodeMessage(bytes);
  const theirs = decodeByOracle(bytes);
  expect(summary(bytes)).toBe(summary(Buffer.from(bytes)));
  if (ours.kind === "malformed") return theirs === undefined ? [] : ["refused by us"];
  return theirs === undefined ? ["refused by them"] : disagreements(ours, theirs);
}

describe.each(requestKinds)("decodeMessage on %s", (kind) => {
  test("understands what the oracle encoded", () => {
    const random = new Random(11);
    for (let i = 0; i < 300; i++) {
      const message = randomMessage(random, kind);
      const decoded = decodeMessage(encodeRequest(message));
      expect({ message, found: disagreements(decoded, message) }).toEqual({ message, found: [] });
    }
  });

  test("takes fields in any order, with unknown fields between them", () => {
    const random = new Random(12);
    for (let i = 0; i < 300; i++) {
      const message = randomMessage(random, kind);
      const fields = [...splitFields(encodeRequest(message)), unknownField(random), unknownField(random)];
      const decoded = decodeMessage(Buffer.concat(random.shuffle(fields)));
      expect({ message, found: disagreements(decoded, message) }).toEqual({ message, found: [] });
    }
  });

  test("refuses every cut that the oracle refuses, and reads nothing behind it", () => {
    const random = new Random(13);
    let refused = 0;
    for (let i = 0; i < 20; i++) {
      const whole = encodeRequest(randomMessage(random, kind));
      for (let length = 0; length < Math.min(whole.length, 700); length++) {
        // A view: the bytes behind the cut are still there to be read by mistake.
        const view = whole.subarray(0, length);
        const theirs = decodeByOracle(view);
        const kindSeen = decodeMessage(view).kind;
        if (theirs === undefined) refused++;
        // Metadata and attributes are passed over whole, so they cannot make the difference in a cut message.
        expect({ length, refused: kindSeen === "malformed" }).toEqual({ length, refused: theirs === undefined });
        expect(summary(view)).toBe(summary(Buffer.from(view)));
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});

test("decodeMessage and the oracle part only where a difference is allowed, in 20,000 mutated messages", () => {
  const random = new Random(14);
  const counts = { agreed: 0, bothRefused: 0, explained: 0 };
  const encode = () => encodeRequest(randomMessage(random, random.of(requestKinds)));
  for (let i = 0; i < 20_000; i++) {
    let bytes = encode();
    if (random.chance(0.7)) bytes = rearrange(random, bytes, encode());
    if (random.chance(0.5)) bytes = mutate(random, bytes);
    const found = differences(bytes);
    if (found.length === 0) counts[decodeMessage(bytes).kind === "malformed" ? "bothRefused" : "agreed"]++;
    else {
      counts.explained++;
      const why = oddities(bytes);
      // What we pass over can only make the other side refuse.
      if (found[0] !== "refused by them") why.delete("skipped");
      if (why.size === 0) expect({ i, bytes: bytes.toString("hex"), found }).toEqual("an allowed difference");
    }
  }
  // Not a vacuous run: most messages are decided alike, both ways, and the odd ones stay the exception.
  expect(counts.agreed).toBeGreaterThan(8_000);
  expect(counts.bothRefused).toBeGreaterThan(4_000);
  expect(counts.explained).toBeLessThan(5_000);
});

test("decodeMessage neither throws nor hangs on 5,000 runs of random bytes", () => {
  const random = new Random(15);
  for (let i = 0; i < 5_000; i++) {
    const bytes = random.bytes(random.int(64));
    const decoded = decodeMessage(bytes);
    expect(decoded.start).toBeGreaterThanOrEqual(0);
    expect(decoded.end).toBeLessThanOrEqual(bytes.length);
    headerValue(decoded, varintBytes(1));
  }
});
