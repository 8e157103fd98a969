import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { BufferBudget } from "../../../src/request/body-buffer.ts";
import {
  type InflateFault,
  type InflateOrder,
  Inflation,
  inflateAtOnce,
  SMALL_BYTES,
} from "../../../src/request/inflate.ts";
import { type Coding, codingsOf } from "../../../src/request/inflate-codings.ts";
import { Random } from "../../support/random.ts";

const deflaters: readonly (readonly [Coding, (bytes: Buffer) => Buffer])[] = [
  ["gzip", (bytes) => zlib.gzipSync(bytes)],
  ["deflate", (bytes) => zlib.deflateSync(bytes)],
  ["deflate", (bytes) => zlib.deflateRawSync(bytes)],
  ["br", (bytes) => zlib.brotliCompressSync(bytes)],
  ["zstd", (bytes) => zlib.zstdCompressSync(bytes)],
];
const LIMIT = 8 * 1024 * 1024;
const text = Buffer.from(Array.from({ length: 300 }, (_, i) => `word ${(i * 7919) % 1013}`).join(" "));
/** Larger than what is inflated at once, by far. */
const long = Buffer.alloc(2 * 1024 * 1024 + 1, "a long prompt, ");

function order(body: Buffer, codings: readonly Coding[], options: Partial<InflateOrder> = {}): InflateOrder {
  return { codings, body, cut: false, limitBytes: LIMIT, budget: new BufferBudget(1e9), ...options };
}

/** The outcome of an Inflation, its bytes copied before they are given back. */
function inflated(given: InflateOrder): Promise<Buffer | InflateFault> {
  return new Promise((resolve) => {
    const inflation = new Inflation(given, (result) => {
      const kept = Buffer.isBuffer(result) ? Buffer.from(result) : result;
      if (Buffer.isBuffer(result)) expect(given.budget.usedBytes).toBeGreaterThanOrEqual(result.length);
      inflation.release();
      resolve(kept);
    });
    inflation.start();
  });
}

describe("codingsOf", () => {
  test.each([
    ["", []],
    ["identity", []],
    ["gzip", ["gzip"]],
    ["X-GZIP", ["gzip"]],
    ["deflate, gzip", ["gzip", "deflate"]],
    [" br ,, identity", ["br"]],
    ["zstd", ["zstd"]],
  ])("reads %j as %j, the last applied first", (header, codings) => expect(codingsOf(header)).toEqual(codings));

  test.each(["compress", "aes128gcm", "gzip, exi", "gzip,gzip,gzip,gzip"])("knows no way to undo %j", (header) => {
    expect(codingsOf(header)).toBeUndefined();
  });
});

describe.each(deflaters.filter(([coding]) => coding !== "br"))("%s", (coding, deflate) => {
  test("inflateAtOnce gives the plain bytes of a small body", () => {
    expect(inflateAtOnce(order(deflate(text), [coding]))).toEqual(text);
    expect(inflateAtOnce(order(deflate(Buffer.alloc(SMALL_BYTES)), [coding]))).toHaveLength(SMALL_BYTES);
  });
});

test("inflateAtOnce leaves br alone, of which a few bytes could take long", () => {
  expect(inflateAtOnce(order(zlib.brotliCompressSync(text), ["br"]))).toBeUndefined();
});

describe.each(deflaters)("%s", (coding, deflate) => {
  const body = deflate(text);

  test("inflateAtOnce leaves what is not small, or not in its coding from begin to end", () => {
    expect(inflateAtOnce(order(deflate(long), [coding]))).toBeUndefined();
    expect(inflateAtOnce(order(deflate(Buffer.alloc(SMALL_BYTES + 1)), [coding]))).toBeUndefined();
    expect(inflateAtOnce(order(body, [coding], { limitBytes: text.length - 1 }))).toBeUndefined();
    expect(inflateAtOnce(order(Buffer.concat([body, Buffer.from("x")]), [coding]))).toBeUndefined();
    expect(inflateAtOnce(order(Buffer.from('{"model":"m"}'), [coding]))).toBeUndefined();
    expect(inflateAtOnce(order(Buffer.alloc(0), [coding]))).toBeUndefined();
  });

  test("inflateAtOnce gives of a cut body a head of the plain bytes, and of a whole one nothing when its end is missing", () => {
    for (let length = 0; length < body.length; length++) {
      const head = body.subarray(0, length);
      expect(inflateAtOnce(order(head, [coding])), `${length} bytes`).toBeUndefined();
      const plain = inflateAtOnce(order(head, [coding], { cut: true })) ?? Buffer.alloc(0);
      expect(plain.equals(text.subarray(0, plain.length)), `${length} bytes`).toBe(true);
    }
  });

  test("Inflation gives the plain bytes, and back to the budget what it took", async () => {
    for (const plain of [text, long]) {
      const given = order(deflate(plain), [coding]);
      const result = await inflated(given);
      expect(Buffer.isBuffer(result) && result.equals(plain)).toBe(true);
      expect(given.budget.usedBytes).toBe(0);
    }
  });

  test("Inflation gives of a cut body what can be read of it", async () => {
    const packed = deflate(long);
    const result = await inflated(order(packed.subarray(0, packed.length >> 1), [coding], { cut: true }));
    expect(Buffer.isBuffer(result) && result.equals(long.subarray(0, result.length))).toBe(true);
  });

  test.each<[string, Buffer]>([
    ["is something else", Buffer.from('{"model":"m"}')],
    ["ends too early", body.subarray(0, body.length - 1)],
    ["goes on behind its end", Buffer.concat([body, Buffer.from("x")])],
    ["is empty", Buffer.alloc(0)],
  ])("Inflation tells a body that %s", async (_name, bytes) => {
    const given = order(bytes, [coding]);
    expect(await inflated(given)).toEqual({ code: "coding_broken" });
    expect(given.budget.usedBytes).toBe(0);
  });

  test("Inflation stops a bomb at the limit, however large it is", async () => {
    const bomb = deflate(Buffer.alloc(16 * 1024 * 1024));
    const given = order(bomb, [coding], { limitBytes: 1024 * 1024, budget: new BufferBudget(2 * 1024 * 1024) });
    expect(await inflated(given)).toEqual({ code: "body_too_large" });
    expect(given.budget.usedBytes).toBe(0);
  });

  test("Inflation stops where the budget ends", async () => {
    const given = order(deflate(long), [coding], { budget: new BufferBudget(1024 * 1024) });
    expect(await inflated(given)).toEqual({ code: "buffer_full" });
    expect(given.budget.usedBytes).toBe(0);
  });
});

test("Inflation takes from the budget what it joins the slices into, and gives the slices back", async () => {
  const budget = new BufferBudget(2 * long.length);
  expect(await inflated(order(zlib.gzipSync(long), ["gzip"], { budget }))).toHaveLength(long.length);
  budget.limitBytes--;
  expect(await inflated(order(zlib.gzipSync(long), ["gzip"], { budget }))).toEqual({ code: "buffer_full" });
  expect(budget.usedBytes).toBe(0);
  const held = await new Promise<number>((resolve) => {
    const given = order(zlib.gzipSync(zlib.gzipSync(long)), ["gzip", "gzip"]);
    const inflation = new Inflation(given, () => resolve(given.budget.usedBytes));
    inflation.start();
  });
  expect(held).toBe(long.length);
});

test("Inflation undoes several codings, and meets the limit after each", async () => {
  const twice = zlib.gzipSync(zlib.brotliCompressSync(long));
  const codings = codingsOf("br, gzip") ?? [];
  const result = await inflated(order(twice, codings));
  expect(Buffer.isBuffer(result) && result.equals(long)).toBe(true);
  expect(inflateAtOnce(order(zlib.gzipSync(zlib.deflateSync(text)), ["gzip", "deflate"]))).toEqual(text);
  const nothing = zlib.gzipSync(Buffer.alloc(0));
  expect(await inflated(order(nothing, ["gzip", "br"]))).toEqual({ code: "coding_broken" });
  expect(await inflated(order(nothing, ["gzip"]))).toHaveLength(0);
  expect(inflateAtOnce(order(Buffer.alloc(SMALL_BYTES + 1), ["gzip"]))).toBeUndefined();
  const bomb = zlib.gzipSync(zlib.gzipSync(Buffer.alloc(16 * 1024 * 1024)));
  expect(await inflated(order(bomb, ["gzip", "gzip"], { limitBytes: 1024 * 1024 }))).toEqual({
    code: "body_too_large",
  });
});

test("Inflation reads gzip members that stand behind each other as one body", async () => {
  const result = await inflated(order(Buffer.concat([zlib.gzipSync(long), zlib.gzipSync(text)]), ["gzip"]));
  expect(Buffer.isBuffer(result) && result.equals(Buffer.concat([long, text]))).toBe(true);
});

test("Inflation keeps silent after its release, and gives back what it took", async () => {
  const given = order(zlib.gzipSync(long), ["gzip"]);
  const told: unknown[] = [];
  const released = new Inflation(given, (result) => told.push(result));
  released.start();
  released.release();
  released.release();
  // Others that started later end while it would have.
  for (let i = 0; i < 3; i++) await inflated(order(zlib.gzipSync(long), ["gzip"]));
  expect([told, given.budget.usedBytes]).toEqual([[], 0]);
});

test("inflateAtOnce and Inflation survive mutated bodies, and agree on them", async () => {
  const seed = 41;
  const random = new Random(seed);
  const small = Buffer.from(JSON.stringify({ model: "m", prompt: "x".repeat(300) }));
  for (let i = 0; i < 1500; i++) {
    const [coding, deflate] = random.of(deflaters);
    const body = Buffer.from(deflate(small));
    for (let edits = 1 + random.int(3); edits > 0; edits--) body[random.int(body.length)] = random.int(256);
    const given = order(body, [coding], { limitBytes: SMALL_BYTES, budget: new BufferBudget(SMALL_BYTES) });
    const atOnce = inflateAtOnce(given);
    if (i % 10 > 0) continue;
    const later = await inflated(given);
    if (coding === "br") continue;
    expect(Buffer.isBuffer(later) ? later : undefined, `seed ${seed}, round ${i}`).toEqual(atOnce);
    expect(given.budget.usedBytes).toBe(0);
  }
});
