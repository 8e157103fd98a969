import { describe, expect, test } from "vitest";
import { formOf, isEventStream } from "../../../src/response/answer-form.ts";
import { AnswerReading } from "../../../src/response/answer-reading.ts";
import type { Usage } from "../../../src/response/usage.ts";
import { Random } from "../../support/random.ts";
import { broken } from "../../support/random-json.ts";
import { documentedAnswers, type KnownAnswer, noUsage, recordedAnswers } from "../../support/recorded-answers.ts";

const answers = [...recordedAnswers, ...documentedAnswers];
const told = answers.filter(({ usage }) => usage !== noUsage);
const streams = told.filter(({ contentType }) => isEventStream(contentType));

function startReading({ contentType }: KnownAnswer): AnswerReading {
  return new AnswerReading(formOf(contentType, ""), isEventStream(contentType), 0);
}

function read(answer: KnownAnswer, pieces: readonly Uint8Array[]): Usage {
  const reading = startReading(answer);
  for (const piece of pieces) reading.add(piece, 0);
  return reading.report(true).usage;
}

/** Pieces of 1 to `most` bytes. */
function cutUp(body: Uint8Array, random: Random, most: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 1 + random.int(most);
    pieces.push(body.subarray(at, end));
    at = end;
  }
  return pieces;
}

describe("AnswerReading.report", () => {
  test.each(answers)("reads $name", (answer) => {
    expect(read(answer, [answer.body])).toEqual(answer.usage);
  });

  test.each(told)("reads $name byte by byte", (answer) => {
    expect(read(answer, cutUp(answer.body, new Random(1), 1))).toEqual(answer.usage);
  });

  test.each(told)("reads $name cut in two at every byte", (answer) => {
    for (let at = 0; at <= answer.body.length; at++) {
      const usage = read(answer, [answer.body.subarray(0, at), answer.body.subarray(at)]);
      if (JSON.stringify(usage) !== JSON.stringify(answer.usage)) expect([at, usage]).toEqual([at, answer.usage]);
    }
  });

  test.each(streams)("reads $name with any line ends, comments and data over several lines", (answer) => {
    for (const lineEnd of ["\r\n", "\r", "\n"]) {
      const text = `: hello\n${answer.body}`
        .replaceAll('data: {"', 'id: 1\ndata:{\ndata\ndata: "')
        .replaceAll(/\r?\n/g, lineEnd);
      const odd = { ...answer, body: Buffer.from(text) };
      expect(text).toContain(`data:{${lineEnd}data${lineEnd}data: "`);
      expect(read(odd, [odd.body])).toEqual(answer.usage);
      expect(read(odd, cutUp(odd.body, new Random(2), 1))).toEqual(answer.usage);
    }
  });

  test("reads 10,000 mutated answers without a fault, the same however they are cut", () => {
    const random = new Random(6);
    for (let round = 0; round < 10_000; round++) {
      const whole = random.of(answers);
      const answer = { ...whole, body: broken(random, whole.body) };
      const usage = read(answer, [answer.body]);
      for (const count of Object.values(usage)) {
        if (!Number.isNaN(count) && !(Number.isSafeInteger(count) && count >= 0)) expect([round, usage]).toEqual([]);
      }
      const again = read(answer, cutUp(answer.body, random, 1 + random.int(400)));
      if (JSON.stringify(again) !== JSON.stringify(usage)) expect([round, again]).toEqual([round, usage]);
    }
  });

  test("takes no count from an answer that breaks off within it", () => {
    const reading = new AnswerReading("json", false, 0);
    reading.add(Buffer.from('{"usage":{"prompt_tokens":92'), 1);
    expect(reading.report(false)).toMatchObject({ usage: noUsage, unread: "cut" });
  });

  test("tells the last counts of a stream that broke off", () => {
    const reading = new AnswerReading("events", true, 0);
    reading.add(Buffer.from('data: {"usage":{"prompt_tokens":92,"completion_tokens":3}}\n\ndata: {"usage":{"pr'), 1);
    expect(reading.report(false)).toMatchObject({
      usage: { promptTokens: 92, completionTokens: 3 },
      unread: undefined,
    });
  });

  test("says why there is no usage", () => {
    const unreadOf = (form: ReturnType<typeof formOf>, body: string) => {
      const reading = new AnswerReading(form, false, 0);
      reading.add(Buffer.from(body), 1);
      return reading.report(true).unread;
    };
    const usage = '{"usage":{"prompt_tokens":9}}';
    expect(unreadOf("json", '{"choices":[]}')).toBe("absent");
    expect(unreadOf("encoded", usage)).toBe("encoded");
    expect(unreadOf("other_form", usage)).toBe("other_form");
    expect(unreadOf("json", usage)).toBeUndefined();
  });
});

describe("AnswerReading's times", () => {
  const event = (usage = "") => Buffer.from(`data: {"choices":[{"index":0}]${usage}}\n\n`);
  const told = (tokens: number) => `"usage":{"prompt_tokens":1,"completion_tokens":${tokens}}`;
  const counted = (tokens: number) => event(`,${told(tokens)}`);
  const last = (tokens: number) => Buffer.from(`data: {"choices":[],${told(tokens)}}\n\ndata: [DONE]\n\n`);
  type Pieces = readonly (readonly [atMs: number, bytes: string | Buffer])[];

  function times(form: "json" | "events", sinceMs: number, pieces: Pieces) {
    const reading = new AnswerReading(form, form === "events", sinceMs);
    for (const [atMs, bytes] of pieces) reading.add(Buffer.from(bytes), atMs);
    const { ttftMs, tpotMs } = reading.report(true);
    return [ttftMs, tpotMs];
  }

  test("are those of a stream's first token and of its tokens, not of what stands before and behind them", () => {
    const pieces: Pieces = [
      [110, ""],
      [120, ": wait\n\n"],
      [150, event()],
      [200, event()],
      [250, event()],
      [400, last(6)],
    ];
    expect(times("events", 100, pieces)).toEqual([50, 20]);
  });

  test("begin with the first token, not with the headers of responses and messages, nor with pings", () => {
    const responses: Pieces = [
      [110, 'data: {"type":"response.created","response":{"usage":null}}\n\n'],
      [300, 'data: {"type":"response.output_text.delta","delta":"a"}\n\n'],
      [340, 'data: {"type":"response.output_text.delta","delta":"bc"}\n\n'],
      [350, 'data: {"response":{"usage":{"input_tokens":1,"output_tokens":3}}}\n\n'],
    ];
    expect(times("events", 100, responses)).toEqual([200, 20]);
    const messages: Pieces = [
      [110, 'data: {"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":0}}}\n\n'],
      [120, 'data: {"type":"ping"}\n\n'],
      [300, 'data: {"type":"content_block_delta","index":0,"delta":{}}\n\n'],
      [340, 'data: {"type":"message_delta","delta":{},"usage":{"output_tokens":3}}\n\n'],
    ];
    expect(times("events", 100, messages)).toEqual([200, 20]);
  });

  test("know nothing of a pod that answers well and tells an error at once", () => {
    const pieces: Pieces = [
      [101, 'data: {"error":{"message":"out of memory"}}\n\n'],
      [102, "data: [DONE]\n\n"],
    ];
    expect(times("events", 100, pieces)).toEqual([Number.NaN, Number.NaN]);
  });

  test("take an event for come when its end has come", () => {
    const [head, tail] = [event().subarray(0, 25), event().subarray(25)];
    const pieces: Pieces = [
      [1, head],
      [5, tail],
      [9, counted(3)],
    ];
    expect(times("events", 0, pieces)).toEqual([5, 2]);
  });

  test("count events where no tokens are told, if there are enough", () => {
    const pieces = (count: number) => Array.from({ length: count }, (_, i) => [i * 10, event()] as const);
    expect(times("events", 0, pieces(8))).toEqual([0, 10]);
    expect(times("events", 0, pieces(7))).toEqual([0, Number.NaN]);
  });

  test("are unknown of a whole answer, of a stream that came in one piece, and after a pod that failed", () => {
    const unknown = [Number.NaN, Number.NaN];
    const whole: Pieces = [
      [5, '{"choices":[{"index":0}],"usage":'],
      [9, '{"completion_tokens":9}}'],
    ];
    expect(times("json", 0, whole)).toEqual(unknown);
    expect(times("events", 0, [[5, Buffer.concat([event(), counted(6)])]])).toEqual(unknown);
    const moved: Pieces = [
      [5, event()],
      [10, counted(6)],
    ];
    expect(times("events", Number.NaN, moved)).toEqual([Number.NaN, 1]);
  });

  test("leave the pace open of tokens that all came in one piece", () => {
    const pieces: Pieces = [
      [5, Buffer.concat([event(), event()])],
      [6, last(2)],
    ];
    expect(times("events", 0, pieces)).toEqual([5, Number.NaN]);
  });

  test("leave the pace open where several choices share it", () => {
    const pieces: Pieces = [
      [5, event()],
      [6, 'data: {"choices":[{"index":1}]}\n\n'],
      [15, counted(6)],
    ];
    expect(times("events", 0, pieces)).toEqual([5, Number.NaN]);
  });

  test("are not upset by a number of a message's content block", () => {
    const pieces: Pieces = [
      [5, 'data: {"type":"content_block_delta","index":1,"delta":{}}\n\n'],
      [15, counted(6)],
    ];
    expect(times("events", 0, pieces)).toEqual([5, 2]);
  });

  test("tell the first token as soon as something follows it", () => {
    const reading = new AnswerReading("events", true, 100);
    reading.add(Buffer.from(": wait\n\n"), 110);
    expect([reading.hasOutput, reading.ttftMs]).toEqual([false, Number.NaN]);
    reading.add(event(), 150);
    expect([reading.hasOutput, reading.ttftMs]).toEqual([true, Number.NaN]);
    reading.add(Buffer.from("d"), 170);
    expect([reading.hasOutput, reading.ttftMs]).toEqual([true, 50]);
  });

  test.each(streams)("see a first token in $name, and none before its data", (answer) => {
    const reading = startReading(answer);
    reading.add(Buffer.from("data: [DO\n\n"), 1);
    expect(reading.hasOutput).toBe(false);
    reading.add(answer.body, 2);
    expect(reading.hasOutput).toBe(
      answer.body.includes('"delta"') || answer.body.includes('"choices":[{') || answer.body.includes("meta_info"),
    );
  });
});
