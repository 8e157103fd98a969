import { describe, expect, test } from "vitest";
import type { InferenceRequest } from "../../../src/request/inference-request.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { BLOCK_BYTES, BlockKeys, hashPrompt, MAX_BLOCKS } from "../../../src/request/prompt-blocks.ts";
import { SPACED } from "../../../src/request/prompt-ranges.ts";
import { requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";
import { nextTurn, randomChat, respelt } from "../../support/random-chat.ts";
import { shifted } from "../../support/random-json.ts";

const keys = new BlockKeys();
const block = "x".repeat(BLOCK_BYTES);

/** Keys as "hi:lo" texts. */
function keysOf(request: InferenceRequest, blockBytes = BLOCK_BYTES): string[] {
  hashPrompt(request, keys, blockBytes);
  return Array.from({ length: keys.count }, (_, i) => `${keys.hi[i]}:${keys.lo[i]}`);
}

function chatKeys(text: string): string[] {
  return keysOf(requestOf("chat", text));
}

function promptKeys(prompt: unknown, model = "m"): string[] {
  return keysOf(requestOf("completions", JSON.stringify({ model, prompt })));
}

/** How many leading keys two prompts share. */
function shared(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((key, i) => key !== b[i]);
  return differs === -1 ? a.length : differs;
}

describe("hashPrompt", () => {
  test("cuts a prompt into blocks of one size, across its parts, and leaves the rest", () => {
    const messages = [{ content: "x".repeat(100) }, { content: "y".repeat(50) }, { content: "z".repeat(60) }];
    expect(chatKeys(JSON.stringify({ model: "m", messages }))).toHaveLength(3);
    expect(keys.totalBytes).toBe(210);
  });

  test.each([
    [0, 0],
    [1, 0],
    [BLOCK_BYTES - 1, 0],
    [BLOCK_BYTES, 1],
    [BLOCK_BYTES + 1, 1],
    [2 * BLOCK_BYTES, 2],
  ])("of %d bytes makes %d blocks", (length, count) => {
    expect(promptKeys("x".repeat(length))).toHaveLength(count);
    expect(keys.totalBytes).toBe(length);
  });

  test("finds no block in a request without a prompt", () => {
    promptKeys(block);
    hashPrompt(bodylessRequest, keys);
    expect([keys.count, keys.totalBytes]).toEqual([0, 0]);
  });

  test("gives a head the same key whatever the size of the blocks", () => {
    const random = new Random(43);
    for (let round = 0; round < 200; round++) {
      const request = requestOf("chat", respelt(random, randomChat(random)));
      const small = keysOf(request);
      for (const times of [2, 4, 16]) {
        const large = keysOf(request, BLOCK_BYTES * times);
        expect(large).toEqual(small.filter((_, i) => (i + 1) % times === 0));
      }
    }
  });

  test("stops where there is no room for more keys, and counts the rest", () => {
    const prompt = "x".repeat((MAX_BLOCKS + 9) * BLOCK_BYTES);
    expect(promptKeys(prompt)).toHaveLength(MAX_BLOCKS);
    expect(keys.totalBytes).toBe(prompt.length);
    const few = new BlockKeys(3);
    hashPrompt(requestOf("completions", `{"model":"m","prompt":[1, ${"2,".repeat(999)}3]}`), few);
    expect([few.count, few.totalBytes]).toEqual([3, 2001]);
  });

  test("gives the same keys whatever the body's alignment in memory", () => {
    const text = Buffer.from(JSON.stringify({ model: "m", prompt: "The quick brown fox. ".repeat(40) }));
    const seen = [0, 1, 2, 3].map((shift) =>
      keysOf(parseBody("completions", shifted(text, shift), false) as InferenceRequest).join(),
    );
    expect(new Set(seen).size).toBe(1);
  });

  test("gives the same keys wherever the prompt stands in the body", () => {
    const prompt = "0123456789 ".repeat(70);
    const seen = Array.from({ length: 9 }, (_, pad) =>
      keysOf(requestOf("completions", JSON.stringify({ [`${"p".repeat(pad)}x`]: 1, model: "m", prompt }))).join(),
    );
    expect(new Set(seen).size).toBe(1);
  });

  test("gives the same keys to the same chat in another spelling", () => {
    const random = new Random(41);
    for (let round = 0; round < 400; round++) {
      const chat = randomChat(random);
      const plain = chatKeys(JSON.stringify(chat));
      expect(chatKeys(respelt(random, chat)), `round ${round}`).toEqual(plain);
    }
  });

  test.each([
    ["token ids", [...Array(3000).keys()]],
    ["token ids of a batch", [[...Array(300).keys()], [1]]],
  ])("gives %s the same keys however they are spaced", (_, prompt) => {
    const plain = promptKeys(prompt);
    expect(plain.length).toBeGreaterThan(10);
    for (const gap of [1, "\t", 7]) {
      expect(keysOf(requestOf("completions", JSON.stringify({ model: "m", prompt }, null, gap)))).toEqual(plain);
    }
  });

  test("gives a longer list of token ids all keys of the shorter one", () => {
    const [shorter, longer] = [promptKeys([...Array(200).keys()]), promptKeys([...Array(300).keys()])];
    expect(shorter.length).toBeGreaterThan(5);
    expect(shared(shorter, longer)).toBe(shorter.length);
  });

  test("gives the next turn all keys of the last one", () => {
    const random = new Random(42);
    let longer = 0;
    for (let round = 0; round < 400; round++) {
      const chat = randomChat(random);
      const before = chatKeys(respelt(random, chat));
      const after = chatKeys(respelt(random, nextTurn(random, chat)));
      expect(after.slice(0, before.length), `round ${round}`).toEqual(before);
      if (after.length > before.length) longer++;
    }
    expect(longer).toBeGreaterThan(200);
  });

  test("changes the keys from the changed byte on and none before", () => {
    const prompt = "abcdefgh".repeat(160);
    const before = promptKeys(prompt);
    for (let at = 0; at < prompt.length; at += 37) {
      const after = promptKeys(`${prompt.slice(0, at)}#${prompt.slice(at + 1)}`);
      expect(shared(before, after), `byte ${at}`).toBe(Math.floor(at / BLOCK_BYTES));
      expect(after.filter((key) => before.includes(key))).toHaveLength(Math.floor(at / BLOCK_BYTES));
    }
  });

  test("gives equal keys to nothing but equal heads", () => {
    const random = new Random(44);
    const heads = new Map<string, string>();
    for (let round = 0; round < 3000; round++) {
      const chat = randomChat(random);
      const request = requestOf("chat", respelt(random, round % 2 === 0 ? chat : nextTurn(random, chat)));
      const text = request.model + compactText(request);
      for (const [i, key] of keysOf(request).entries()) {
        const head = headOf(text, (i + 1) * BLOCK_BYTES);
        expect(heads.get(key) ?? head).toBe(head);
        heads.set(key, head);
      }
    }
    expect(heads.size).toBeGreaterThan(2000);
  });

  test.each<[string, object, object]>([
    ["another model", { model: "a", messages: [{ content: block }] }, { model: "b", messages: [{ content: block }] }],
    ["a cache salt", { messages: [{ content: block }] }, { messages: [{ content: block }], cache_salt: "s" }],
    [
      "another cache salt",
      { messages: [{ content: block }], cache_salt: "t" },
      { messages: [{ content: block }], cache_salt: "s" },
    ],
    [
      "a salt in another field",
      { messages: [{ content: block }], cache_salt: "s" },
      { messages: [{ content: block }], extra_key: "s" },
    ],
    ["an adapter", { messages: [{ content: block }] }, { messages: [{ content: block }], lora_path: "a" }],
    [
      "another adapter",
      { messages: [{ content: block }], lora_path: "a" },
      { messages: [{ content: block }], lora_path: "b" },
    ],
    [
      "another role",
      { messages: [{ role: "user", content: block }] },
      { messages: [{ role: "tool", content: block }] },
    ],
    ["text moved into the role", { messages: [{ role: "u", content: block }] }, { messages: [{ role: `u${block}` }] }],
    [
      "text moved between blocks",
      { messages: [{ content: ["ab", `c${block}`] }] },
      { messages: [{ content: ["a", `bc${block}`] }] },
    ],
    [
      "another image",
      { messages: [{ content: [{ image_url: { url: "a" } }, block] }] },
      { messages: [{ content: [{ image_url: { url: "b" } }, block] }] },
    ],
    [
      "an image beside a text in one block",
      { messages: [{ content: [{ text: block, image_url: "a" }] }] },
      { messages: [{ content: [{ text: block, image_url: "b" }] }] },
    ],
    [
      "other audio",
      { messages: [{ content: [{ input_audio: { data: "a" } }, block] }] },
      { messages: [{ content: [{ input_audio: { data: "b" } }, block] }] },
    ],
    [
      "a text in a block of another type",
      { messages: [{ content: [{ type: "text", text: block }] }] },
      { messages: [{ content: [{ type: "thinking", text: block }] }] },
    ],
    ["a number as a string", { messages: [{ content: [7, block] }] }, { messages: [{ content: ["7", block] }] }],
    [
      "another tool call",
      { messages: [{ tool_calls: [{ id: "a" }] }, { content: block }] },
      { messages: [{ tool_calls: [{ id: "b" }] }, { content: block }] },
    ],
    ["tools", { messages: [{ content: block }] }, { messages: [{ content: block }], tools: [] }],
    ["other tools", { messages: [{ content: block }], tools: [1] }, { messages: [{ content: block }], tools: [2] }],
    [
      "functions in place of tools",
      { messages: [{ content: block }], tools: [1] },
      { messages: [{ content: block }], functions: [1] },
    ],
    [
      "a string of JSON in place of a value",
      { messages: [{ content: block }], documents: [1] },
      { messages: [{ content: block }], documents: "[1]" },
    ],
  ])("shares no key across %s", (_, one, other) => {
    const spell = (chat: object) => chatKeys(JSON.stringify({ model: "m", ...chat }));
    expect(Math.min(spell(one).length, spell(other).length)).toBeGreaterThan(0);
    expect(shared(spell(one), spell(other))).toBe(0);
  });

  test("tells text split into other messages apart", () => {
    const one = chatKeys(JSON.stringify({ model: "m", messages: [{ content: block + block }] }));
    const two = chatKeys(JSON.stringify({ model: "m", messages: [{ content: block }, { content: block }] }));
    expect([one.length, two.length]).toEqual([2, 2]);
    expect(shared(one, two)).toBe(1);
  });

  test("tells a further range of a part from a new part, where a block begins with it", () => {
    const one = chatKeys(JSON.stringify({ model: "m", messages: [{ content: [block, block] }] }));
    const two = chatKeys(JSON.stringify({ model: "m", messages: [{ content: block }, { content: block }] }));
    expect([one.length, shared(one, two)]).toEqual([2, 1]);
  });

  test("of a body cut anywhere has only keys of the whole one", () => {
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
    const call = { role: "assistant", content: null, tool_calls: [{ id: "c", function: { arguments: '{"a":1}' } }] };
    const long = { role: "user", content: 'é\n"模型" '.repeat(60) };
    const parts = {
      role: "user",
      content: [
        { type: "text", text: block },
        { type: "image_url", image_url: block },
      ],
    };
    const messages = [long, call, parts, { ...long, role: "system" }];
    const body = Buffer.from(JSON.stringify({ model: "m", tools, messages, stream: true }));
    const whole = keysOf(parseBody("chat", body, false) as InferenceRequest);
    const wholeText = promptText(parseBody("chat", body, false) as InferenceRequest);
    for (let end = 0; end < body.length; end++) {
      const cut = parseBody("chat", body.subarray(0, end), true) as InferenceRequest;
      expect(wholeText.startsWith(promptText(cut)), `cut at ${end}`).toBe(true);
      const cutKeys = keysOf(cut);
      expect(shared(cutKeys, whole), `cut at ${end}`).toBe(cutKeys.length);
    }
  });
});

/** The bytes that count, one character each; behind a character over 255 those of the next range, which it marks. */
function compactText({ prompt }: InferenceRequest): string {
  let text = "";
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    const mark = prompt?.marks[i] ?? 0;
    const bytes = Buffer.from(prompt?.body.subarray(prompt.starts[i], prompt.ends[i]) ?? []).toString("latin1");
    const isSpaced = (mark & SPACED) !== 0;
    text += String.fromCharCode(256 + (mark & ~SPACED));
    text += isSpaced ? bytes.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1") : bytes;
  }
  return text;
}

/** Up to the byte that fills the block, without the model's name that stands before it. */
function headOf(text: string, bytes: number): string {
  let left = bytes + text.search(/[^\0-\u00ff]/);
  let at = 0;
  for (; left > 0; at++) if (text.charCodeAt(at) < 256) left--;
  return text.slice(0, at);
}

/** The prompt's bytes, one character each, with its parts and ranges told apart. */
function promptText({ prompt }: InferenceRequest): string {
  let text = "";
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    text += `<${prompt?.marks[i]}>${Buffer.from(prompt?.body.subarray(prompt.starts[i], prompt.ends[i]) ?? []).toString("latin1")}`;
  }
  return text;
}

describe("block keys", () => {
  test("differ for 200,000 prompts that differ by little, in 64 bits and hardly less in each lane", () => {
    const [pairs, low, high] = [new Set<string>(), new Set<number>(), new Set<number>()];
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      hashPrompt(requestOf("completions", `{"model":"m","prompt":"${`${i}`.padStart(BLOCK_BYTES, "-")}"}`), keys);
      low.add(keys.lo[0]!);
      high.add(keys.hi[0]!);
      pairs.add(`${keys.lo[0]}:${keys.hi[0]}`);
    }
    expect(pairs.size).toBe(count);
    // n^2 / 2^33: about 5 pairs meet in a lane of 32 random bits.
    expect(Math.min(low.size, high.size)).toBeGreaterThan(count - 25);
  });

  test("spread evenly over their low bits", () => {
    const values = new Uint32Array(256);
    for (let i = 0; i < 25_600; i++) {
      hashPrompt(requestOf("completions", `{"model":"m","prompt":"user ${i} says ${block}"}`), keys);
      const value = keys.lo[0]! & 255;
      values[value] = values[value]! + 1;
    }
    const chi = values.reduce((sum, seen) => sum + (seen - 100) ** 2 / 100, 0);
    // 255 degrees of freedom: 99.99 % of random spreads lie in here.
    expect(chi).toBeGreaterThan(180);
    expect(chi).toBeLessThan(350);
  });

  test.each([1, 5, 8, 16, 32, 63, 64])(
    "flip about half their bits when one bit of the last %d bytes flips",
    (length) => {
      const random = new Random(length);
      let flipped = 0;
      const byBit = new Uint32Array(64);
      const rounds = 800;
      for (let round = 0; round < rounds; round++) {
        const text = Buffer.from(
          `{"model":"m${round}","prompt":"${block.replaceAll("x", String.fromCharCode(0x40 + random.int(16)))}"}`,
        );
        hashPrompt(parseBody("completions", text, false) as InferenceRequest, keys);
        const [low, high] = [keys.lo[0]!, keys.hi[0]!];
        const at = text.indexOf('"prompt":"') + 10 + BLOCK_BYTES - 1 - random.int(length);
        text[at] = text[at]! ^ (1 << random.int(4));
        hashPrompt(parseBody("completions", text, false) as InferenceRequest, keys);
        for (let bit = 0; bit < 64; bit++) {
          const lane = bit < 32 ? low ^ keys.lo[0]! : high ^ keys.hi[0]!;
          const changed = (lane >>> (bit & 31)) & 1;
          byBit[bit] = byBit[bit]! + changed;
          flipped += changed;
        }
      }
      expect(flipped / rounds).toBeGreaterThan(31);
      expect(flipped / rounds).toBeLessThan(33);
      // Six standard deviations of 800 fair coins: 85.
      for (const changes of byBit) expect(Math.abs(changes - rounds / 2)).toBeLessThan(85);
    },
  );
});
