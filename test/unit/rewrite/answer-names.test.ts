import { describe, expect, test } from "vitest";
import type { AnswerForm } from "../../../src/response/answer-form.ts";
import { AnswerNames } from "../../../src/rewrite/answer-names.ts";
import { Random } from "../../support/random.ts";
import { broken, jsonText, space } from "../../support/random-json.ts";
import { recordedAnswers } from "../../support/recorded-answers.ts";

const TARGET = "Qwen/Qwen3-0.6B";
const NAME = 'my "model"\n';

/** The answer as it goes on, written in pieces that end at `cuts`. */
function written(text: string | Buffer, form: AnswerForm, cuts: readonly number[], target = TARGET, name = NAME) {
  const bytes = Buffer.from(text);
  const names = new AnswerNames(target, name, form);
  const out: Buffer[] = [];
  for (const [i, to] of [...cuts, bytes.length].entries()) {
    // A copy that is wiped, as the next message may overwrite the one before.
    const piece = Buffer.from(bytes.subarray(cuts[i - 1] ?? 0, to));
    out.push(...names.write(piece).map((each) => Buffer.from(each)));
    piece.fill(0);
  }
  out.push(...names.end());
  return { text: Buffer.concat(out).toString(), replaced: names.replaced };
}

const whole = (text: string, form: AnswerForm = "json") => written(text, form, []).text;

/** The same text with the target's spelling replaced where `@` stands. */
const asked = (text: string) => text.replaceAll("@", JSON.stringify(TARGET).slice(1, -1));
const given = (text: string) => text.replaceAll("@", JSON.stringify(NAME).slice(1, -1));

const chunk = '{"id":"x","model":"@","choices":[{"delta":{"content":"the model is called @"}}]}';
const documents: readonly (readonly [title: string, text: string])[] = [
  ["the answer's own", '{"id":"c","object":"chat.completion","model":"@","choices":[]}'],
  ["with space anywhere", '{ \n "model" \t:\r\n "@" , "choices" : [ ] }'],
  ["the only member", '{"model":"@"}'],
  [
    "behind long texts with escapes",
    '{"a":"\\\\","b":"\\"model\\":\\"Qwen/Qwen3-0.6B","c":[{"model":"Qwen/Qwen3-0.6B"}],"model":"@"}',
  ],
  ["each of two mentions", '{"model":"@","model":"@"}'],
  ["that of a response in a stream", '{"type":"response.created","response":{"id":"r","model":"@","usage":{}}}'],
  ["that of a message in a stream", '{"type":"message_start","message":{"role":"assistant","model":"@"}}'],
  ["each of a list of answers", '[{"model":"@"},{"x":[],"model":"@"}]'],
];
const others: readonly (readonly [title: string, text: string])[] = [
  ["another model", '{"model":"Qwen/Qwen3-0.6B-base"}'],
  ["the beginning of the target", '{"model":"Qwen/Qwen3"}'],
  ["a model inside of choices", '{"choices":[{"model":"Qwen/Qwen3-0.6B"}]}'],
  ["a model inside of a carrier's members", '{"response":{"x":{"model":"Qwen/Qwen3-0.6B"}}}'],
  ["a carrier inside a carrier", '{"response":{"response":{"model":"Qwen/Qwen3-0.6B"}}}'],
  ["a list inside a list", '[[{"model":"Qwen/Qwen3-0.6B"}]]'],
  ["a list of models", '{"model":["Qwen/Qwen3-0.6B"]}'],
  ["the name under another key", '{"models":"Qwen/Qwen3-0.6B","Model":"Qwen/Qwen3-0.6B"}'],
  ["no string", '{"model":null,"x":"Qwen/Qwen3-0.6B"}'],
  ["a string that is a text", '"Qwen/Qwen3-0.6B"'],
];

describe("AnswerNames", () => {
  test.each(documents)("replaces %s", (_title, text) => {
    expect(whole(asked(text))).toBe(given(text));
  });

  test.each(others)("leaves %s alone", (_title, text) => {
    expect(whole(text)).toBe(text);
  });

  test.each(documents)("replaces %s, cut at every byte", (_title, text) => {
    const { length } = Buffer.from(asked(text));
    for (let at = 0; at <= length; at++) expect(written(asked(text), "json", [at]).text).toBe(given(text));
    const everywhere = Array.from({ length: length - 1 }, (_, at) => at + 1);
    expect(written(asked(text), "json", everywhere).text).toBe(given(text));
  });

  test.each(["\n", "\r\n", "\r"])(
    "replaces the names in events, cut at every two bytes, with lines ending in %j",
    (end) => {
      const lines = [
        ": ping",
        "",
        "event: chunk",
        `data: ${chunk}`,
        "id: 1",
        "",
        `data:${chunk}`,
        "",
        "data: [DONE]",
        "",
        "",
      ];
      const text = lines.join(end);
      const source = asked(text);
      const wanted = given(text).replaceAll(`called ${JSON.stringify(NAME).slice(1, -1)}`, `called ${TARGET}`);
      const { length } = Buffer.from(source);
      for (let at = 0; at <= length; at++) {
        expect(written(source, "events", [at]).text).toBe(wanted);
        for (const behind of [1, 3, 20]) {
          if (at + behind <= length) expect(written(source, "events", [at, at + behind]).text).toBe(wanted);
        }
      }
    },
  );

  test("knows the target however the engine spells it", () => {
    const spelt = '{"model":"mod\\u00e8le\\/1"}';
    for (let at = 0; at <= spelt.length; at++) {
      expect(written(spelt, "json", [at], "modèle/1", "b").text).toBe('{"model":"b"}');
    }
    expect(written('{"model":"modèle/1"}', "json", [14, 15, 16], "modèle/1", "b").text).toBe('{"model":"b"}');
  });

  test("hands the piece itself on where nothing in it changes", () => {
    const names = new AnswerNames(TARGET, NAME, "json");
    const piece = Buffer.from('{"id":"x","choices":[');
    expect(names.write(piece)).toEqual([piece]);
    expect(names.write(piece)[0]).toBe(piece);
    expect(names.replaced).toBe(false);
  });

  test("holds back no more than a name that may be the one", () => {
    const names = new AnswerNames(TARGET, NAME, "json");
    const out = (text: string) => Buffer.concat(names.write(Buffer.from(text))).toString();
    expect(out('{"model":"Qwen/')).toBe('{"model":"');
    expect(out("Qwen3-0.")).toBe("");
    expect(out('7B","x":')).toBe('Qwen/Qwen3-0.7B","x":');
    const long = `{"model":"${"Q".repeat(200)}`;
    expect(new AnswerNames(TARGET, NAME, "json").write(Buffer.from(long)).join("")).toBe(long);
  });

  test("gives back what it holds where the answer or an event breaks off within a name", () => {
    const { text, replaced } = written('{"model":"Qwen/Qw', "json", [12, 14]);
    expect({ text, replaced }).toEqual({ text: '{"model":"Qwen/Qw', replaced: false });
    const events = 'data: {"model":"Qwen/Qw\n\ndata: {"model":"Qwen/Qwen3-0.6B"}\n\n';
    for (let at = 0; at <= events.length; at++) {
      expect(written(events, "events", [at]).text).toBe(events.replace(/Qwen\/Qwen3-0.6B/, given("@")));
    }
  });

  test("changes the model and nothing else in what a real engine answers", () => {
    const named = recordedAnswers.filter(({ body }) => JSON.stringify(body.toString()).includes('model\\":'));
    expect(named.length).toBeGreaterThan(3);
    for (const { contentType, body } of named) {
      const text = body.toString();
      const target = /"model":\s*"([^"]+)"/.exec(text)?.[1] ?? "";
      const form = contentType.startsWith("text/event-stream") ? "events" : "json";
      const half = Math.floor(text.length / 2);
      const back = written(text, form, [half, half + 1], target, "a");
      expect(back.replaced).toBe(true);
      expect(back.text).toBe(text.replaceAll(new RegExp(`("model":\\s*)"${target}"`, "g"), '$1"a"'));
    }
  });

  test("agrees with JSON.parse on random answers cut anywhere, and keeps every byte of broken ones", () => {
    const random = new Random(7);
    for (let run = 0; run < 3000; run++) {
      const text = Buffer.from(randomAnswer(random));
      const cuts = Array.from({ length: random.int(6) }, () => random.int(text.length + 1)).sort((a, b) => a - b);
      const { text: out } = written(text, "json", cuts, "t/é", "client");
      expect(JSON.parse(out)).toEqual(renamed(JSON.parse(text.toString()), "t/é", "client"));
      const odd = broken(random, text);
      const cut = random.int(odd.length + 1);
      expect(written(odd, "json", [cut], "t/éé", "client").text).toBe(odd.toString());
    }
  });
});

function randomAnswer(random: Random): string {
  const member = (): string => {
    const value = random.of(['"t/é"', '"t\\/\\u00e9"', '"t"', jsonText(random, 2), carrier(random)]);
    return `${space(random)}"${random.of(["model", "response", "message", "x", "choices"])}"${space(random)}:${space(random)}${value}`;
  };
  const object = () => `{${Array.from({ length: random.int(5) }, member).join(",")}${space(random)}}`;
  return random.chance(0.2) ? `[${object()},${object()}]` : object();
}

function carrier(random: Random): string {
  return `{${space(random)}"model":${space(random)}${random.of(['"t/é"', '"t\\/é"', "1"])}}`;
}

/** What the names should become, by building it all. */
function renamed(value: unknown, target: string, name: string): unknown {
  if (Array.isArray(value)) return value.map((each) => (isObject(each) ? renamed(each, target, name) : each));
  if (!isObject(value)) return value;
  const inner = (each: unknown) => (isObject(each) && each["model"] === target ? { ...each, model: name } : each);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (key === "model") return [key, each === target ? name : each];
      return [key, key === "response" || key === "message" ? inner(each) : each];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
