import { describe, expect, test } from "vitest";
import type { InferenceRequest } from "../../../src/request/inference-request.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { BLOCK_BYTES, BlockKeys, blockBytesAt, hashPrompt, MAX_BLOCKS } from "../../../src/request/prompt-blocks.ts";
import { requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";
import { nextTurn, randomChat, respelt } from "../../support/random-chat.ts";
import { shifted } from "../../support/random-json.ts";

const keys = new BlockKeys();

/** Keys as "hi:lo" texts. */
function keysOf(request: InferenceRequest): string[] {
  hashPrompt(request, keys);
  return Array.from({ length: keys.count }, (_, i) => `${keys.hi[i]}:${keys.lo[i]}`);
}

function chatKeys(text: string): string[] {
  return keysOf(requestOf("chat", text));
}

function promptKeys(prompt: string, model = "m"): string[] {
  return keysOf(requestOf("completions", JSON.stringify({ model, prompt })));
}

function endBytes(): number[] {
  return [...keys.endBytes.subarray(0, keys.count)];
}

/** How many leading keys two prompts share. */
function shared(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((key, i) => key !== b[i]);
  return differs === -1 ? a.length : differs;
}

describe("hashPrompt", () => {
  test("cuts a part into blocks and makes the rest of it a block", () => {
    const content = "x".repeat(2 * BLOCK_BYTES);
    chatKeys(
      JSON.stringify({
        model: "m",
        messages: [
          { role: "user", content },
          { role: "user", content: "y" },
        ],
      }),
    );
    expect(endBytes()).toEqual([256, 512, 516, 521]);
  });

  test("makes no block of nothing behind a part of whole blocks", () => {
    promptKeys("x".repeat(2 * BLOCK_BYTES));
    expect(endBytes()).toEqual([256, 512]);
  });

  test("finds no block in a request without a prompt", () => {
    promptKeys("x");
    hashPrompt(bodylessRequest, keys);
    expect(keys.count).toBe(0);
  });

  test("lets blocks grow with their distance from the start, to 1/32 of it", () => {
    promptKeys("x".repeat(200_000));
    const sizes = endBytes().map((end, i, ends) => end - (ends[i - 1] ?? 0));
    expect(sizes.slice(0, -1)).toEqual(
      endBytes()
        .slice(0, -1)
        .map((end, i) => blockBytesAt(end - sizes[i]!)),
    );
    expect(sizes.slice(0, 66)).toEqual([...Array.from({ length: 64 }, () => 256), 512, 512]);
    expect([16_383, 16_384, 32_767, 32_768, 131_072].map(blockBytesAt)).toEqual([256, 512, 512, 1024, 4096]);
    expect(keys.count).toBeLessThan(200);
    expect(endBytes().at(-1)).toBe(200_000);
  });

  test("stops at the most blocks it keeps", () => {
    const messages = Array.from({ length: MAX_BLOCKS + 9 }, () => ({ role: "user" }));
    chatKeys(JSON.stringify({ model: "m", messages }));
    expect(keys.count).toBe(MAX_BLOCKS);
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

  test("gives the next turn all keys of the last one, and more", () => {
    const random = new Random(42);
    for (let round = 0; round < 400; round++) {
      const chat = randomChat(random);
      const before = chatKeys(respelt(random, chat));
      const after = chatKeys(respelt(random, nextTurn(random, chat)));
      expect(after.slice(0, before.length), `round ${round}`).toEqual(before);
      expect(after.length).toBeGreaterThan(before.length);
    }
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

  test.each<[string, object, object]>([
    ["another model", { model: "a", messages: [{ content: "x" }] }, { model: "b", messages: [{ content: "x" }] }],
    ["a cache salt", { messages: [{ content: "x" }] }, { messages: [{ content: "x" }], cache_salt: "s" }],
    [
      "another cache salt",
      { messages: [{ content: "x" }], cache_salt: "t" },
      { messages: [{ content: "x" }], cache_salt: "s" },
    ],
    ["another role", { messages: [{ role: "user", content: "x" }] }, { messages: [{ role: "tool", content: "x" }] }],
    ["text moved into the role", { messages: [{ role: "user", content: "x" }] }, { messages: [{ role: "userx" }] }],
    ["text moved between parts", { messages: [{ content: ["ab", "c"] }] }, { messages: [{ content: ["a", "bc"] }] }],
    [
      "another image",
      { messages: [{ content: [{ image_url: { url: "a" } }] }] },
      { messages: [{ content: [{ image_url: { url: "b" } }] }] },
    ],
    ["another tool call", { messages: [{ tool_calls: [{ id: "a" }] }] }, { messages: [{ tool_calls: [{ id: "b" }] }] }],
    ["tools", { messages: [{ content: "x" }] }, { messages: [{ content: "x" }], tools: [] }],
    ["other tools", { messages: [{ content: "x" }], tools: [1] }, { messages: [{ content: "x" }], tools: [2] }],
  ])("shares no key across %s", (_, one, other) => {
    const spell = (chat: object) => JSON.stringify({ model: "m", ...chat });
    expect(shared(chatKeys(spell(one)), chatKeys(spell(other)))).toBe(0);
  });

  test("tells text split into other messages apart", () => {
    const text = "x".repeat(BLOCK_BYTES);
    const one = chatKeys(JSON.stringify({ model: "m", messages: [{ content: text + text }] }));
    const two = chatKeys(JSON.stringify({ model: "m", messages: [{ content: text }, { content: text }] }));
    expect(one).toHaveLength(2);
    expect(shared(one, two)).toBe(1);
  });

  test("tells a further range of a part from a new part, where a block begins with it", () => {
    const text = "x".repeat(BLOCK_BYTES);
    const one = chatKeys(JSON.stringify({ model: "m", messages: [{ content: [text, "y"] }] }));
    const two = chatKeys(JSON.stringify({ model: "m", messages: [{ content: text }, { content: "y" }] }));
    expect(shared(one, two)).toBe(1);
  });

  test("tells prompts apart that differ in zero bytes at the end only", () => {
    const seen = [1, 2, 8, 9, 16].map((length) => {
      const body = Buffer.alloc(16);
      const prompt = { body, count: 1, starts: Int32Array.of(0), ends: Int32Array.of(length), marks: Uint8Array.of(1) };
      return keysOf({ ...bodylessRequest, promptBytes: length, prompt }).join();
    });
    expect(new Set(seen).size).toBe(5);
  });

  test("of a body cut anywhere shares all whole blocks of the part it cuts", () => {
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
    const call = { role: "assistant", content: null, tool_calls: [{ id: "c", function: { arguments: '{"a":1}' } }] };
    const long = { role: "user", content: 'é\n"模型" '.repeat(60) };
    const text = JSON.stringify({
      model: "m",
      tools,
      messages: [long, call, { ...long, role: "system" }],
      stream: true,
    });
    const body = Buffer.from(text);
    const whole = keysOf(parseBody("chat", body, false) as InferenceRequest);
    const wholeText = promptText(parseBody("chat", body, false) as InferenceRequest);
    for (let end = 0; end < body.length; end++) {
      const cut = parseBody("chat", body.subarray(0, end), true) as InferenceRequest;
      expect(wholeText.startsWith(promptText(cut)), `cut at ${end}`).toBe(true);
      const cutKeys = keysOf(cut);
      expect(shared(cutKeys, whole), `cut at ${end}`).toBeGreaterThanOrEqual(cutKeys.length - 1);
    }
  });
});

/** The prompt's bytes, one character each, with its parts and ranges told apart. */
function promptText({ prompt }: InferenceRequest): string {
  let text = "";
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    text += `<${prompt?.marks[i]}>${Buffer.from(prompt?.body.subarray(prompt.starts[i], prompt.ends[i]) ?? []).toString("latin1")}`;
  }
  return text;
}

describe("block keys", () => {
  test("differ for 200,000 short prompts that differ by little, in 64 bits and hardly less in each lane", () => {
    const [pairs, low, high] = [new Set<string>(), new Set<number>(), new Set<number>()];
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      hashPrompt(requestOf("completions", `{"model":"m","prompt":"${i}"}`), keys);
      low.add(keys.lo[0]!);
      high.add(keys.hi[0]!);
      pairs.add(`${keys.lo[0]}:${keys.hi[0]}`);
    }
    expect(pairs.size).toBe(count);
    // n^2 / 2^33: about 5 pairs meet in a lane of 32 random bits.
    expect(Math.min(low.size, high.size)).toBeGreaterThan(count - 25);
  });

  test("spread evenly over the low bits that choose a chain", () => {
    const chains = new Uint32Array(256);
    for (let i = 0; i < 25_600; i++) {
      hashPrompt(requestOf("completions", `{"model":"m","prompt":"user ${i} says"}`), keys);
      const chain = keys.lo[0]! & 255;
      chains[chain] = chains[chain]! + 1;
    }
    const chi = chains.reduce((sum, seen) => sum + (seen - 100) ** 2 / 100, 0);
    // 255 degrees of freedom: 99.99 % of random spreads lie in here.
    expect(chi).toBeGreaterThan(180);
    expect(chi).toBeLessThan(350);
  });

  test.each([1, 5, 8, 16, 100, 255, 256])("flip about half their bits when one bit of %d bytes flips", (length) => {
    const random = new Random(length);
    let flipped = 0;
    const byBit = new Uint32Array(64);
    const rounds = 800;
    for (let round = 0; round < rounds; round++) {
      const text = Buffer.from(
        `{"model":"m${round}","prompt":"${"".padEnd(length, String.fromCharCode(0x40 + random.int(16)))}"}`,
      );
      hashPrompt(parseBody("completions", text, false) as InferenceRequest, keys);
      const [low, high] = [keys.lo[0]!, keys.hi[0]!];
      const at = text.indexOf('"prompt":"') + 10 + random.int(length);
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
  });
});
