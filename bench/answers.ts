/** CPU of reading answers for their tokens, per chunk and per byte: `node bench/answers.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AnswerForm } from "../src/response/answer-form.ts";
import { AnswerReading } from "../src/response/answer-reading.ts";

const EVENTS = 10_000;
const ROUNDS = 20;
/** The most that Envoy hands over at a time of a body that comes fast. */
const CHUNK_BYTES = 65_536;

/** One event of a recorded stream. */
function eventOf(name: string, at: number): Buffer {
  const path = join(import.meta.dirname, "../test/fixtures/vllm", `${name}.json`);
  const { body } = JSON.parse(readFileSync(path, "utf8")) as { body: string };
  return Buffer.from(`${body.split("\n\n")[at]}\n\n`);
}

const oneByOne = (event: Buffer): Buffer[] => Array.from({ length: EVENTS }, () => event);

function inChunks(bytes: Buffer): Buffer[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
}

const jsonInChunks = (value: unknown): Buffer[] => inChunks(Buffer.from(JSON.stringify(value)));

const chat = eventOf("chat-stream-usage", 1);
const embedding = Array.from({ length: 4096 }, (_, i) => Math.sin(i));
const answers: readonly (readonly [name: string, form: AnswerForm, chunks: readonly Buffer[]])[] = [
  ["chat, an event a chunk", "events", oneByOne(chat)],
  ["chat with usage in each event", "events", oneByOne(eventOf("chat-stream-continuous-usage", 1))],
  ["responses, an event a chunk", "events", oneByOne(eventOf("responses-stream", 4))],
  ["chat, events joined", "events", inChunks(Buffer.concat(oneByOne(chat)))],
  ["100 embeddings", "json", jsonInChunks({ data: Array.from({ length: 100 }, () => ({ embedding })), usage: {} })],
  ["a long text", "json", jsonInChunks({ choices: [{ message: { content: "lorem ipsum ".repeat(400_000) } }] })],
];

function read(form: AnswerForm, chunks: readonly Buffer[]): number {
  const reading = new AnswerReading(form, form === "events", 0);
  for (const [at, chunk] of chunks.entries()) reading.add(chunk, at);
  return reading.report(true).usage.promptTokens;
}

console.log("| answer | chunks | bytes a chunk | µs a chunk | ns a byte |\n| --- | --- | --- | --- | --- |");
for (const [name, form, chunks] of answers) {
  for (let i = 0; i < ROUNDS / 5; i++) read(form, chunks);
  const before = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) read(form, chunks);
  const { user, system } = process.cpuUsage(before);
  const micros = (user + system) / ROUNDS;
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const columns = [chunks.length, Math.round(bytes / chunks.length)];
  const costs = [micros / chunks.length, (micros * 1000) / bytes].map((cost) => cost.toFixed(2));
  console.log(`| ${[name, ...columns, ...costs].join(" | ")} |`);
}
