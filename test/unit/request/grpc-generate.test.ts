import { describe, expect, test } from "vitest";
import { field, varintBytes, varintField } from "../../../src/ext-proc/wire.ts";
import { type GrpcRequest, readGrpcRequest } from "../../../src/request/grpc-generate.ts";
import { MAX_IMAGES, MAX_PIECES } from "../../../src/request/grpc-generate-prompt.ts";
import { MAX_FIELDS } from "../../../src/request/grpc-generate-wire.ts";
import { bodylessRequest, type Prompt } from "../../../src/request/inference-request.ts";
import { BLOCK_BYTES, BlockKeys, hashPrompt } from "../../../src/request/prompt-blocks.ts";
import { Random } from "../../support/random.ts";
import { frame, type GenerateCall, generateCall, generateMessage, packed } from "../../support/vllm-grpc.ts";

const ids = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i * 37);

/** The prompt's ranges as text, in hex where they are none. */
function pieces({ body, count, starts, ends }: Prompt): string[] {
  return Array.from({ length: count }, (_, i) => Buffer.from(body.subarray(starts[i], ends[i])).toString("latin1"));
}

function read(body: Buffer, cut = false) {
  const result = readGrpcRequest("grpc-generate", body, cut);
  if ("unread" in result) return result.unread;
  const { prompt, ...rest } = result;
  return { ...rest, prompt: prompt && pieces(prompt) };
}

/** The keys of its prompt's blocks. */
function keysOf(call: GenerateCall | Buffer, cut = false): string[] {
  const body = Buffer.isBuffer(call) ? call : generateCall(call);
  const result = readGrpcRequest("grpc-generate", body, cut) as GrpcRequest;
  const keys = new BlockKeys();
  hashPrompt({ ...bodylessRequest, ...result }, keys, BLOCK_BYTES);
  return Array.from({ length: keys.count }, (_, i) => `${keys.hi[i]}:${keys.lo[i]}`);
}

/** How many keys both begin with. */
function shared(one: readonly string[], other: readonly string[]): number {
  const differs = one.findIndex((key, i) => key !== other[i]);
  return differs === -1 ? one.length : differs;
}

describe("readGrpcRequest", () => {
  test("reads a text with its cap and stream flag", () => {
    expect(read(generateCall({ text: "Grüße", maxTokens: 64, stream: true }))).toEqual({
      stream: true,
      maxTokens: 64,
      promptBytes: 8,
      prompt: ["\x1a", Buffer.from("Grüße").toString("latin1")],
    });
  });

  test("reads token ids, packed or not, and not the text that they stand for", () => {
    const tokens = [1, 127, 128, 300_000];
    const bytes = packed(tokens).toString("latin1");
    expect(read(generateCall({ tokens }))).toMatchObject({ prompt: ["\x12", bytes], stream: false });
    const spread = read(generateCall({ tokens, unpacked: true }));
    expect(spread).toMatchObject({ prompt: ["\x12", bytes] });
  });

  test("knows of an Embed call only its tokens", () => {
    const message = Buffer.concat([
      field(1, "id"),
      field(2, field(2, packed(ids(3)))),
      field(3, "no text"),
      varintField(5, 1),
    ]);
    const result = readGrpcRequest("grpc-embed", frame(message), false);
    expect(result).toMatchObject({ stream: false, promptBytes: packed(ids(3)).length + 1 });
  });

  test("takes of text and tokens, and of a field that comes twice, what comes last", () => {
    const text = field(3, "text");
    const tokens = field(2, field(2, packed([5])));
    const promptOf = (...fields: Buffer[]) => (read(frame(Buffer.concat(fields))) as { prompt: unknown }).prompt;
    expect(promptOf(tokens, text)).toEqual(["\x1a", "text"]);
    expect(promptOf(text, tokens)).toEqual(["\x12", "\x05"]);
    expect(promptOf(text, field(3, "later"))).toEqual(["\x1a", "later"]);
    expect(promptOf(tokens, field(2, field(2, packed([6]))))).toEqual(["\x12", "\x05\x06"]);
    expect(read(generateCall({ maxTokens: 3, more: [field(4, varintField(8, 9))] }))).toMatchObject({ maxTokens: 9 });
  });

  test.each([
    ["no prompt", {}, { prompt: null, promptBytes: 0 }],
    ["an empty text", { text: "" }, { prompt: ["\x1a"] }],
    ["no cap", { text: "x" }, { maxTokens: Number.NaN }],
    ["a cap of 0", { text: "x", maxTokens: 0 }, { maxTokens: 0 }],
    ["a cap beyond its type", { text: "x", maxTokens: 2 ** 33 }, { maxTokens: Number.NaN }],
    ["unknown fields", { text: "x", more: [field(99, "y"), varintField(98, 7)] }, { prompt: ["\x1a", "x"] }],
  ])("reads a call with %s", (_name, call, expected) => expect(read(generateCall(call))).toMatchObject(expected));

  test.each<[string, Buffer, string]>([
    ["a compressed frame", frame(generateMessage({ text: "x" }), 1), "grpc_compressed"],
    ["unknown flags", frame(generateMessage({ text: "x" }), 2), "grpc_broken"],
    ["a frame that is cut", generateCall({ text: "x" }).subarray(0, -1), "grpc_broken"],
    ["less than a frame", Buffer.from([0, 0, 0]), "grpc_broken"],
    ["a field behind the message's end", frame(Buffer.from([0x1a, 9, 65])), "grpc_broken"],
    ["a nested field behind its end", frame(Buffer.from([0x12, 2, 0x12, 9])), "grpc_broken"],
    ["a group", frame(Buffer.from([0x0b, 0x0c])), "grpc_broken"],
    ["field number 0", frame(Buffer.from([0x02, 0])), "grpc_broken"],
    ["a varint of eleven bytes", frame(Buffer.concat([Buffer.from([0x28]), Buffer.alloc(11, 0xff)])), "grpc_broken"],
    ["JSON", Buffer.from('{"text":"x"}'), "grpc_broken"],
  ])("does not read %s", (_name, body, unread) => expect(read(body)).toBe(unread));

  test("keeps nothing of the call before", () => {
    read(generateCall({ tokens: ids(9), maxTokens: 5, stream: true, images: [{ hash: "a", offset: 1 }] }));
    expect(read(generateCall({}))).toEqual({ stream: false, maxTokens: Number.NaN, promptBytes: 0, prompt: null });
  });
});

describe("the prefix of a call", () => {
  const turn = ids(400);

  test("is extended by the next turn, as text and as tokens", () => {
    const text = "You are a helpful assistant. ".repeat(20);
    expect(shared(keysOf({ text }), keysOf({ text: `${text}And then?` }))).toBe(keysOf({ text }).length);
    const before = keysOf({ tokens: turn });
    expect(before.length).toBeGreaterThan(10);
    expect(shared(before, keysOf({ tokens: [...turn, ...ids(50)], maxTokens: 9, stream: true }))).toBe(before.length);
  });

  test("differs from the first token on that differs", () => {
    const half = turn.map((id, i) => (i === 200 ? id + 1 : id));
    const common = shared(keysOf({ tokens: turn }), keysOf({ tokens: half }));
    expect(common).toBeGreaterThan(3);
    expect(common).toBeLessThan(keysOf({ tokens: turn }).length - 3);
    expect(shared(keysOf({ text: "a".repeat(200) }), keysOf({ tokens: Array(200).fill(97) }))).toBe(0);
  });

  test("has an image where its tokens are: another one parts it there, the same one does not", () => {
    const withImage = (hash: string, tokens = turn) => keysOf({ tokens, images: [{ hash, offset: 200 }] });
    const common = shared(withImage("first"), withImage("other"));
    expect(common).toBe(shared(withImage("first"), keysOf({ tokens: turn })));
    expect(common).toBeGreaterThan(3);
    expect(common).toBeLessThan(withImage("first").length - 3);
    const next = withImage("first", [...turn, ...ids(60)]);
    expect(shared(withImage("first"), next)).toBe(withImage("first").length);
  });

  test.each<[string, GenerateCall, GenerateCall]>([
    ["images without places", { images: [{ hash: "a" }] }, { images: [{ hash: "b" }] }],
    [
      "links to images",
      { more: [field(10, field(1, field(2, "u1")))] },
      { more: [field(10, field(1, field(2, "u2")))] },
    ],
    ["further images", { more: [field(11, field(6, "a"))] }, { more: [field(11, field(6, "b"))] }],
    ["images behind the prompt", { images: [{ hash: "a", offset: 999 }] }, { images: [{ hash: "b", offset: 999 }] }],
  ])("is another from its begin with other %s", (_name, one, other) => {
    const keys = [one, other].map((call) => keysOf({ tokens: turn, ...call })) as [string[], string[]];
    expect(keys[0].length).toBeGreaterThan(10);
    expect(shared(...keys)).toBe(0);
  });

  test("is unknown with more images, or pieces of tokens, than are kept", () => {
    const images = Array.from({ length: MAX_IMAGES + 1 }, (_, i) => field(7, field(6, String(i))));
    expect(read(generateCall({ text: "x", more: images }))).toMatchObject({ prompt: null });
    const many = Array.from({ length: MAX_PIECES + 1 }, () => field(2, field(2, packed([1]))));
    expect(read(frame(Buffer.concat(many)))).toMatchObject({ promptBytes: 1 + MAX_PIECES });
  });

  test("is the same however the tokens are spread over fields", () => {
    const piece = (from: number, to: number, unpacked = false) =>
      unpacked
        ? Buffer.concat(turn.slice(from, to).map((id) => varintField(2, id)))
        : field(2, packed(turn.slice(from, to)));
    const spreads: readonly Buffer[][] = [
      [field(2, Buffer.concat([piece(0, 77), piece(77, 400)]))],
      [field(2, piece(0, 77)), field(2, Buffer.concat([piece(77, 80), piece(80, 80), piece(80, 400)]))],
      [field(2, piece(0, 400, true))],
      [field(2, Buffer.concat([piece(0, 3, true), field(9, "x"), piece(3, 9, true), piece(9, 400)]))],
    ];
    const images = [
      [],
      [
        { hash: "first", offset: 3 },
        { hash: "second", offset: 200 },
      ],
      [{ hash: "nowhere" }],
    ];
    for (const seen of images) {
      const expected = keysOf({ tokens: turn, images: seen });
      expect(expected.length).toBeGreaterThan(10);
      for (const spread of spreads) {
        expect(keysOf(generateCall({ images: seen, more: spread }))).toEqual(expected);
        expect(keysOf(frame(Buffer.concat([...spread, generateMessage({ images: seen })])))).toEqual(expected);
      }
    }
  });
});

test("readGrpcRequest reads no more fields than a request may have, and takes what it has seen", () => {
  const many = Buffer.alloc(2 * MAX_FIELDS, varintField(9, 1));
  const read = (...fields: Buffer[]) => readGrpcRequest("grpc-generate", frame(Buffer.concat(fields)), false);
  const text = field(3, "x");
  expect(read(text, Buffer.alloc(2 * (MAX_FIELDS - 2), varintField(5, 1)), varintField(5, 0))).toMatchObject({
    stream: false,
  });
  expect(read(text, Buffer.alloc(2 * (MAX_FIELDS - 1), varintField(5, 1)), varintField(5, 0))).toMatchObject({
    stream: true,
  });
  expect(read(field(2, many), text)).toMatchObject({ promptBytes: 0 });
});

describe("a call cut anywhere", () => {
  const whole: GenerateCall = { tokens: ids(300), maxTokens: 7, stream: true };

  test("begins with the same prefix", () => {
    const body = generateCall(whole);
    const keys = keysOf(whole);
    for (let length = 0; length <= body.length; length++) {
      const head = body.subarray(0, length);
      if (length < body.length) expect(read(head)).toBe("grpc_broken");
      const seen = keysOf(head, true);
      expect(shared(seen, keys), `${length} bytes`).toBe(seen.length);
    }
    expect(keysOf(body, true)).toEqual(keys);
  });

  test("has no prefix where an image is cut", () => {
    const body = generateCall({ ...whole, images: [{ hash: "abc", offset: 3 }] });
    expect(keysOf(body.subarray(0, -2), true)).toEqual([]);
  });
});

test("readGrpcRequest never throws over mutated calls, and finds nothing outside of them", () => {
  const seed = 77;
  const random = new Random(seed);
  const calls = [
    generateCall({ text: "hello ".repeat(20), maxTokens: 9, stream: true }),
    generateCall({
      tokens: ids(40),
      images: [
        { hash: "abc", offset: 3 },
        { hash: "def", offset: 9 },
      ],
    }),
    generateCall({ tokens: ids(40), unpacked: true, images: [{ hash: "abc" }] }),
  ];
  for (let round = 0; round < 10_000; round++) {
    let body: Buffer = Buffer.from(random.of(calls));
    for (let edits = random.int(4); edits >= 0; edits--) {
      const at = random.int(body.length + 1);
      const insert = random.chance(0.3) ? varintBytes(random.int(2 ** 31)) : random.bytes(random.int(3));
      body = Buffer.concat([body.subarray(0, at), insert, body.subarray(at + random.int(4))]);
    }
    // Most edits would otherwise end at the length in the frame's head.
    if (random.chance(0.7) && body.length >= 5) body = frame(body.subarray(5));
    const result = readGrpcRequest(random.of(["grpc-generate", "grpc-embed"]), body, random.chance(0.3));
    if ("unread" in result || result.prompt === null) continue;
    const { count, starts, ends } = result.prompt;
    for (let i = 0; i < count; i++) {
      expect(starts[i], `seed ${seed}, round ${round}`).toBeLessThan(ends[i]!);
      expect(ends[i]).toBeLessThanOrEqual(body.length);
    }
  }
});

test.each<[string, Buffer]>([
  ["empty fields", Buffer.alloc(4_000_000, Buffer.from([0x1a, 0]))],
  ["token arrays", Buffer.alloc(4_000_000, Buffer.from([0x12, 3, 0x12, 1, 5]))],
  ["images", Buffer.alloc(4_000_000, Buffer.from([0x3a, 3, 0x32, 1, 65]))],
  ["places of images", field(7, Buffer.alloc(4_000_000, Buffer.from([0x2a, 2, 0x08, 1])))],
  ["sampling parameters", Buffer.alloc(4_000_000, Buffer.from([0x22, 2, 0x40, 1]))],
])("readGrpcRequest passes over megabytes of %s in linear time", (_name, message) => {
  const startedAt = process.cpuUsage();
  readGrpcRequest("grpc-generate", frame(message), false);
  const { user, system } = process.cpuUsage(startedAt);
  // Linear ways take less than 30 ms; quadratic ones minutes.
  expect((user + system) / 1000).toBeLessThan(3000);
});
