import { describe, expect, test } from "vitest";
import { AnswerCounts } from "../../../src/response/answer-counts.ts";
import { type Place, root } from "../../../src/response/answer-shape.ts";
import { UsageScanner } from "../../../src/response/usage-scanner.ts";
import { Random } from "../../support/random.ts";
import { jsonText } from "../../support/random-json.ts";
import { noUsage, usageOf } from "../../support/recorded-answers.ts";

function scan(text: string): AnswerCounts {
  const counts = new AnswerCounts();
  const bytes = Buffer.from(text);
  new UsageScanner(counts).write(bytes, 0, bytes.length);
  return counts;
}

/** What the scanner should note, told by a walk over the parsed document. */
function walk(counts: AnswerCounts, value: unknown, place: Place | undefined): void {
  if (place === undefined) return;
  if (typeof value === "number") {
    if (place.reading >= 0 && Number.isInteger(value) && value >= 0 && value < 1e10) counts.note(place.reading, value);
  } else if (Array.isArray(value)) {
    for (const item of value) walk(counts, item, place.items);
  } else if (typeof value === "object" && value !== null && place.members.length > 0) {
    for (const [key, member] of Object.entries(value)) {
      const next = place.members.find((known) => Buffer.from(known.key).toString() === key)?.place;
      if (next?.isOutput === true) counts.noteOutput();
      walk(counts, member, next);
    }
    if (place.isAnswer) counts.endAnswer();
  }
}

/** Documents that are made of the words of answers, at places of theirs and elsewhere. */
function randomAnswer(random: Random, place: Place | undefined, depth: number): unknown {
  const isCount = place !== undefined && place.reading >= 0 && random.chance(0.9);
  const kind = isCount ? 1 : random.int(depth === 0 ? 3 : 20);
  if (kind === 0) return random.of([null, true, "", '{"usage":{"prompt_tokens":1}}', '\\"', 0.5, -3, 1e11, 1e-7]);
  if (kind < 3) return random.int(1000);
  if (kind < 5)
    return Array.from({ length: random.int(4) }, () => randomAnswer(random, place?.items ?? place, depth - 1));
  const members = place !== undefined && place.members.length > 0 ? place.members : root.members;
  return Object.fromEntries(
    Array.from({ length: random.int(5) }, () => {
      const { key, place: next } = random.of(members);
      return random.chance(0.1)
        ? ["x", randomAnswer(random, place, depth - 1)]
        : [`${Buffer.from(key)}`, randomAnswer(random, next, depth - 1)];
    }),
  );
}

describe("UsageScanner", () => {
  test("notes what a walk over the parsed document finds, in 10,000 random ones cut at random", () => {
    const random = new Random(12);
    let found = 0;
    for (let round = 0; round < 10_000; round++) {
      const text = JSON.stringify(randomAnswer(random, root, 6), null, random.of([undefined, 1]));
      const [expected, counts] = [new AnswerCounts(), new AnswerCounts()];
      walk(expected, JSON.parse(text), root);
      const scanner = new UsageScanner(counts);
      const bytes = Buffer.from(`${text} `);
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + random.int(40));
        scanner.write(bytes, at, end);
        at = end;
      }
      const [wanted, noted] = [expected, counts].map((of) => ({
        ...of.usage(),
        outputs: of.outputs,
        several: of.several,
      }));
      if (JSON.stringify(noted) !== JSON.stringify(wanted)) expect([text, noted]).toEqual([text, wanted]);
      if (JSON.stringify(wanted?.promptTokens) !== "null") found++;
    }
    expect(found).toBeGreaterThan(1_500);
  });

  test("agrees with JSON.parse on random documents that hold look-alikes of usage", () => {
    const random = new Random(3);
    const fake = '"usage":{"prompt_tokens":66,"completion_tokens":6}';
    for (let round = 0; round < 2_000; round++) {
      const members = Array.from({ length: random.int(6) }, (_, i) => `"k${i}":${jsonText(random, 4)}`);
      members.push(`"text":${JSON.stringify(`{${fake}}`)}`, `"deep":{${fake}}`, `"list":[{${fake}}]`);
      members.push(
        `"usage" : { "prompt_tokens" : ${random.int(1e6)} , "x":${jsonText(random, 3)}, "completion_tokens":${random.int(99)}}`,
      );
      const text = `{${random.shuffle(members).join(" , ")}}`;
      const { usage } = JSON.parse(text);
      expect(scan(text).usage()).toEqual(usageOf(usage.prompt_tokens, Number.NaN, usage.completion_tokens));
    }
  });

  test.each([
    ["null", '{"usage":null}'],
    ["a text", '{"usage":{"prompt_tokens":"9"}}'],
    ["a fraction", '{"usage":{"prompt_tokens":9.5}}'],
    ["an exponent", '{"usage":{"prompt_tokens":9e3}}'],
    ["a negative number", '{"usage":{"prompt_tokens":-9}}'],
    ["a number of eleven digits", '{"usage":{"prompt_tokens":12345678901}}'],
    ["another member of the same length", '{"usagf":{"prompt_tokens":9}}'],
    ["a key longer than all that count", `{"usage":{"${"cache_read_input_tokens".repeat(2)}":9}}`],
    ["an object in place of the number", '{"usage":{"prompt_tokens":{"prompt_tokens":9}}}'],
    ["a list in place of the object", '{"usage":[9,{"prompt_tokens":9}]}'],
  ])("takes no count from %s", (_, text) => {
    expect(scan(text).usage()).toEqual(noUsage);
  });

  test("keeps its place behind values of every kind", () => {
    const text =
      '{"a":[[1,{"b":"]}"}]],"c":"\\"}","d":{},"e":[],"f":true,"g":-1.5e3,"usage":{"z":[{}],"prompt_tokens":0}}';
    expect(scan(text).usage()).toEqual(usageOf(0, Number.NaN, Number.NaN));
  });

  test("takes the latest of duplicate members", () => {
    expect(scan('{"usage":{"prompt_tokens":1,"prompt_tokens":2}}').usage().promptTokens).toBe(2);
  });

  test("does not believe in more cached tokens than the prompt has", () => {
    const text = '{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":11}}}';
    expect(scan(text).usage()).toEqual(usageOf(10, 10, Number.NaN));
  });

  test("counts answers, and the tokens of a list of them up to a bound", () => {
    const one = '{"meta_info":{"prompt_tokens":1,"completion_tokens":1}}';
    const counts = scan(`[${Array.from({ length: 3000 }, () => one).join(",")}]`);
    expect(counts.outputs).toBe(3000);
    expect(counts.several).toBe(true);
    expect(counts.usage().promptTokens).toBe(1024);
  });

  test.each([
    ["one of chat", '{"choices":[{"index":0,"delta":{"content":"a"}}]}', 1],
    ["the one before the first choice", '{"choices":[],"usage":null}', 0],
    ["one of responses", '{"delta":"a","type":"response.output_text.delta"}', 1],
    ["the first of responses", '{"type":"response.created","response":{"status":"queued","usage":null}}', 0],
    ["one of messages", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}', 1],
    ["the first of messages", '{"type":"message_start","message":{"usage":{"output_tokens":0}}}', 0],
    ["a ping", '{"type":"ping"}', 0],
    ["an error", '{"error":{"message":"the engine is gone","code":500}}', 0],
    ["one of SGLang", '{"text":"a","meta_info":{"completion_tokens":1}}', 1],
    ["one of SGLang without a token", '{"text":"","meta_info":{"completion_tokens":0}}', 0],
    ["one that does not end", '{"choices":[{"index":0}]', 0],
    ["a deeper delta", '{"x":{"delta":"a"},"y":[{"index":0}]}', 0],
  ])("counts a token's event where it is one: %s", (_, text, outputs) => {
    expect(scan(text).outputs).toBe(outputs);
  });

  test("knows an event of a token only by its own data", () => {
    const counts = new AnswerCounts();
    const scanner = new UsageScanner(counts);
    for (const text of ['{"delta":"a"', '{"type":"ping"}']) {
      scanner.write(Buffer.from(text), 0, text.length);
      scanner.endDocument();
    }
    expect(counts.outputs).toBe(0);
  });

  test.each([
    ["open brackets in a member", `{"a":${"[{".repeat(1_000_000)}`],
    ["open brackets", "[".repeat(2_000_000)],
    ["closing brackets", "}]".repeat(1_000_000)],
    ["answers in answers", '{"usage":'.repeat(200_000)],
    ["one key", `{"usage":{"${"k".repeat(2_000_000)}`],
    ["one number", `{"usage":{"prompt_tokens":${"9".repeat(2_000_000)}`],
    ["one text of escapes", `{"usage":{"prompt_tokens":"${"\\\\".repeat(1_000_000)}`],
    ["commas", `{"usage":{"prompt_tokens":${",".repeat(2_000_000)}`],
    ["numbers of answers", `[${'{"index":7,"meta_info":{"prompt_tokens":1}},'.repeat(45_000)}`],
  ])("takes 2 MB of %s in one pass, keeping nothing of it", (_, text) => {
    const counts = new AnswerCounts();
    const scanner = new UsageScanner(counts);
    const bytes = Buffer.from(text);
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < bytes.length; at += 65_536) scanner.write(bytes, at, Math.min(at + 65_536, bytes.length));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16e6);
    scanner.endDocument();
    const last = Buffer.from('{"usage":{"prompt_tokens":5}}');
    scanner.write(last, 0, last.length);
    expect(counts.usage().promptTokens).toBe(5);
  });
});
