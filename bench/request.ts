/**
 * What a chat body costs from bytes to prefix hits, beside JSON.parse of the same body: `node bench/request.ts`.
 * Every size is a conversation that grows by one turn from request to request; all pods hold its system prompt, eight
 * of them the whole of an earlier turn. Best of the rounds, in the wall time of this process. At the end, how long one
 * body of 20 MB holds up all others when it is made to be slow.
 */

import type { Slot } from "../src/pods/pod-table.ts";
import { PrefixIndex } from "../src/prefix/prefix-index.ts";
import type { InferenceRequest } from "../src/request/inference-request.ts";
import { parseBody } from "../src/request/parse-body.ts";
import { BlockKeys, hashPrompt } from "../src/request/prompt-blocks.ts";

const ROUNDS = 7;
const BYTES_PER_ROUND = 8_000_000;
const POD_COUNTS = [8, 64, 1024];
const SIZES = [200, 32_000, 400_000];
const BUDGET_BYTES = 256 * 2 ** 20;
/** Prompts recorded beforehand, so that the index does not fit into the processor's caches. */
const FILLER_PROMPTS = 4000;

const sentence = "The picker reads the head of each prompt, then it asks which pod has seen it before.\n";
const code = '  if (pod.name === "a-1") {\n    return pods.find((pod) => pod.slot === slot);\n  }\n';

function chatBody(bytes: number, salt: string): Buffer {
  const messages = [{ role: "system", content: `${salt}You are a careful assistant. ` }];
  const size = () => messages.reduce((sum, message) => sum + message.content.length * 1.05 + 36, 120);
  if (bytes > 2000)
    messages[0] = { role: "system", content: salt + sentence.repeat(Math.ceil(bytes / 4 / sentence.length)) };
  for (let turn = 0; size() < bytes; turn++) {
    const text = bytes > 2000 ? `Turn ${turn}: ${(turn % 3 === 0 ? code : sentence).repeat(8)}` : "Hi.";
    messages.push({ role: turn % 2 === 0 ? "user" : "assistant", content: text });
  }
  return Buffer.from(
    JSON.stringify({ model: "meta-llama/Llama-3.1-8B-Instruct", messages, stream: true, max_tokens: 256 }),
  );
}

function parsed(body: Buffer): InferenceRequest {
  const request = parseBody("chat", body, false);
  if ("code" in request) throw new Error(request.code);
  return request;
}

/** Microseconds per run. */
function bestMicros(run: () => void, bytes: number): number {
  const runs = Math.max(20, Math.ceil(BYTES_PER_ROUND / bytes / 10));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) run();
    best = Math.min(best, ((performance.now() - start) * 1000) / runs);
  }
  return best;
}

function filledIndex(pods: number, keys: BlockKeys): PrefixIndex {
  const index = new PrefixIndex({ budgetBytes: BUDGET_BYTES, pods: { isCurrent: () => true } });
  for (let i = 0; i < FILLER_PROMPTS; i++) {
    hashPrompt(parsed(chatBody(32_000, `filler ${i} `)), keys);
    index.release(index.record(keys, (i % pods) as Slot, 1));
  }
  return index;
}

function slotsOf(pods: number): Int32Array {
  return Int32Array.from({ length: pods }, (_, slot) => slot);
}

const keys = new BlockKeys();
console.log("body bytes  blocks   JSON.parse        parse         hash    (µs, ns/byte)");
for (const size of SIZES) {
  const body = chatBody(size, "");
  const request = parsed(body);
  const rival = bestMicros(() => JSON.parse(body.toString()), size);
  const parse = bestMicros(() => parseBody("chat", body, false), size);
  const hash = bestMicros(() => hashPrompt(request, keys), size);
  const cells = [rival, parse, hash].map(
    (micros) => `${micros.toFixed(2).padStart(7)} ${((micros * 1000) / body.length).toFixed(2).padStart(5)}`,
  );
  console.log(`${String(body.length).padStart(10)} ${String(keys.count).padStart(7)}  ${cells.join("  ")}`);
}
console.log("\n body bytes   pods  index MiB    match   record   all four (µs; a new turn each time)");
for (const pods of POD_COUNTS) {
  const index = filledIndex(pods, keys);
  const slots = slotsOf(pods);
  const hits = new Float64Array(pods);
  for (const size of SIZES) {
    const head = chatBody(size, "");
    hashPrompt(parsed(head), keys);
    keys.count = Math.max(1, keys.count >> 2);
    for (let slot = 0; slot < pods; slot++) index.release(index.record(keys, slot as Slot, 1));
    hashPrompt(parsed(head), keys);
    for (let slot = 0; slot < 8; slot++) index.release(index.record(keys, slot as Slot, 1));
    const bodies = Array.from({ length: 64 }, (_, i) => chatBody(size + (size > 2000 ? i * 100 : 0), ""));
    let turn = 0;
    const match = bestMicros(() => index.match(keys, slots, pods, hits), size);
    const record = bestMicros(() => index.release(index.record(keys, (turn++ % 8) as Slot, 1)), size);
    const all = bestMicros(() => {
      const request = parsed(bodies[turn % bodies.length]!);
      hashPrompt(request, keys);
      index.match(keys, slots, pods, hits);
      index.release(index.record(keys, (turn++ % 8) as Slot, 1));
    }, size);
    const cells = [match, record, all].map((micros) => micros.toFixed(2).padStart(8)).join(" ");
    const mib = (index.usedBytes / 2 ** 20).toFixed(0).padStart(10);
    console.log(`${String(head.length).padStart(11)} ${String(pods).padStart(6)} ${mib} ${cells}`);
  }
}

/** A body of 20 MB that repeats `item` inside an object or array. */
function bodyOf(head: string, item: string, tail: string): Buffer {
  return Buffer.from(head + item.repeat(20_000_000 / item.length) + tail);
}

const slowBodies: Readonly<Record<string, Buffer>> = {
  "one long text": bodyOf('{"model":"m","messages":[{"content":"', sentence.trimEnd(), '"}]}'),
  "a text of line ends": bodyOf('{"model":"m","messages":[{"content":"', "\\n", '"}]}'),
  "short messages": bodyOf('{"model":"m","messages":[', '{"role":"user","content":"x"},', "{}]}"),
  "escaped keys": bodyOf("{", '"\\u0061":1,', '"model":"m"}'),
  "the model again and again": bodyOf("{", '"model":"m\\n",', '"model":"m"}'),
  "whole numbers": bodyOf('{"model":"m","x":[', "1,", "1]}"),
  "empty objects": bodyOf('{"model":"m","x":[', "{},", "{}]}"),
};
console.log("\n body of 20 MB               parse (ms)");
for (const [name, body] of Object.entries(slowBodies)) {
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    parsed(body);
    return performance.now() - start;
  });
  console.log(
    ` ${name.padEnd(26)} ${Math.min(...times)
      .toFixed(1)
      .padStart(10)}`,
  );
}
