import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { Deadlines } from "../../../src/ext-proc/deadlines.ts";
import { HeldBody } from "../../../src/ext-proc/held-body.ts";
import type { StreamHost } from "../../../src/ext-proc/stream-host.ts";
import { BufferBudget } from "../../../src/request/body-buffer.ts";
import { Random } from "../../support/random.ts";

const PLAIN_BYTES = 200_000;
/** Larger than what is inflated at once, and hardly smaller compressed. */
const packed = zlib.gzipSync(new Random(3).bytes(PLAIN_BYTES));

function held(limitBytes: number, chunkCount: number) {
  const budget = new BufferBudget(limitBytes);
  const settings = { bodyLimitBytes: 1_000_000 };
  const body = new HeldBody({ budget, settings, deadlines: new Deadlines(() => 0) } as unknown as StreamHost);
  const size = Math.ceil(packed.length / chunkCount);
  for (let at = 0; at < packed.length; at += size) body.add(packed.subarray(at, at + size));
  return { budget, body };
}

describe("HeldBody", () => {
  test.each([
    ["one chunk", 1, packed.length],
    ["several, which are joined", 3, 2 * packed.length],
  ])("counts a compressed body of %s and its plain bytes until its release", async (_, chunks, heldBytes) => {
    const { budget, body } = held(1e9, chunks);
    const whole = body.contiguous();
    const told = Promise.withResolvers<unknown>();
    expect(body.plain({ codings: ["gzip"], body: whole, cut: false }, 1e9, told.resolve)).toBeUndefined();
    expect(budget.usedBytes).toBe(heldBytes);
    expect(await told.promise).toHaveLength(PLAIN_BYTES);
    expect(budget.usedBytes).toBe(heldBytes + PLAIN_BYTES);
    body.release();
    expect(budget.usedBytes).toBe(0);
  });

  test("does not wait for a body whose joined copy has no room", () => {
    const { budget, body } = held(2 * packed.length - 1, 3);
    const order = { codings: ["gzip"], body: body.contiguous(), cut: false } as const;
    expect(body.plain(order, 1e9, () => expect.fail("told"))).toBe("buffer_full");
    body.release();
    expect(budget.usedBytes).toBe(0);
  });
});
