import { describe, expect, test } from "vitest";
import type { JsonApi } from "../../../src/request/inference-request.ts";
import { formModelPlace, readMultipart } from "../../../src/request/multipart.ts";
import { modelPlace, parseBody } from "../../../src/request/parse-body.ts";
import { splicedBody, splicedChunks, spliceFor } from "../../../src/rewrite/splice-body.ts";
import { Random } from "../../support/random.ts";
import { jsonText, space } from "../../support/random-json.ts";

const TARGET = 'Qwen/"3"\\ü\u2028';

/** The body with the model's value replaced; undefined where it has no place. */
function spliced(text: string, api: JsonApi = "completions", target = TARGET): string | undefined {
  const body = Buffer.from(text);
  parseBody(api, body, false, true);
  const place = modelPlace();
  return place && Buffer.concat(splicedBody(body, spliceFor(place, target), true).pieces).toString();
}

const written = JSON.stringify(TARGET);

describe("splicedBody", () => {
  test.each([
    ['{"model":"a","prompt":"x"}', `{"model":${written},"prompt":"x"}`],
    ['{"prompt":"model","model" :\n "a" }', `{"prompt":"model","model" :\n ${written} }`],
    ['{"\\u006dodel":"a\\u0062\\n"}', `{"\\u006dodel":${written}}`],
    ['{"model":"é","x":{"model":"a"}}', `{"model":${written},"x":{"model":"a"}}`],
    ['{"model":""}', `{"model":${written}}`],
    ['{"model":null,"n":1}', `{"model":${written},"n":1}`],
    ['{"model": {"a":[1]} }', `{"model": ${written} }`],
    ['{"model":12}', `{"model":${written}}`],
    ["{}", `{"model":${written}}`],
    [' { "prompt" : 1 }', ` {"model":${written}, "prompt" : 1 }`],
  ])("changes the model alone in %s", (text, wanted) => {
    expect(spliced(text)).toBe(wanted);
  });

  test("replaces the mention that counts where a key stands twice, as JSON.parse has it", () => {
    const out = spliced('{"model":"a","x":1,"model":"b"}') ?? "";
    expect(out).toBe(`{"model":"a","x":1,"model":${written}}`);
    expect(JSON.parse(out).model).toBe(TARGET);
  });

  test("says how long the body is now, where the client said how long it was", () => {
    const body = Buffer.from('{"model":"aé"}');
    parseBody("chat", body, false);
    const splice = spliceFor(modelPlace()!, "b");
    expect(splicedBody(body, splice, true).headers).toEqual([["content-length", String('{"model":"b"}'.length)]]);
    expect(splicedBody(body, splice, false).headers).toEqual([]);
  });

  test("keeps every other byte of random bodies", () => {
    const random = new Random(5);
    for (let run = 0; run < 2000; run++) {
      const member = (key: string, value: string) =>
        `${space(random)}"${key}"${space(random)}:${space(random)}${value}`;
      const others = Array.from({ length: random.int(5) }, (_, i) => member(`k${i}`, jsonText(random, 2)));
      const members = random.shuffle([...others, member("model", '"old\\u0041"')]);
      const text = `{${members.join(",")}${space(random)}}`;
      expect(spliced(text)).toBe(text.replace('"old\\u0041"', () => written));
      expect(JSON.parse(spliced(text) ?? "")).toEqual({ ...JSON.parse(text), model: TARGET });
    }
  });

  test.each([['{"prompt":"a","mod'], ['{"model":"cut of'], ['{"model"'], ["["]])(
    "finds no place in the head %s",
    (text) => {
      parseBody("completions", Buffer.from(text), true);
      expect(modelPlace()).toBeUndefined();
    },
  );

  test("finds the place in a head that has it whole", () => {
    const body = Buffer.from('{"model":"a","prompt":"cut he');
    parseBody("completions", body, true);
    expect(Buffer.concat(splicedBody(body, spliceFor(modelPlace()!, "b"), false).pieces).toString()).toBe(
      '{"model":"b","prompt":"cut he',
    );
  });

  test("puts the plain name into a form", () => {
    const part = (name: string, value: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const form = (model: string) => `${part("file", "model")}${part("model", model)}--b--\r\n`;
    const body = Buffer.from(form("whisper"));
    readMultipart("multipart/form-data; boundary=b", body, false);
    const splice = spliceFor(formModelPlace()!, 'a"ü');
    expect(Buffer.concat(splicedBody(body, splice, false).pieces).toString()).toBe(form('a"ü'));
    readMultipart("multipart/form-data; boundary=b", Buffer.from(`${part("x", "y")}--b--\r\n`), false);
    expect(formModelPlace()).toBeUndefined();
  });
});

describe("splicedChunks", () => {
  const splice = (start: number, end: number) => ({ start, end, bytes: Buffer.from("NEW") });

  test("gives the same as the whole body, in as many chunks, however it is cut", () => {
    const text = "0123456789";
    for (let start = 0; start <= 10; start++) {
      for (let end = start; end <= 10; end++) {
        for (let first = 0; first <= 10; first++) {
          for (let second = first; second <= 10; second++) {
            const chunks = [text.slice(0, first), text.slice(first, second), text.slice(second)].map((each) =>
              Buffer.from(each),
            );
            const out = splicedChunks(chunks, splice(start, end));
            expect(out).toHaveLength(3);
            expect(Buffer.concat(out).toString()).toBe(`${text.slice(0, start)}NEW${text.slice(end)}`);
          }
        }
      }
    }
  });

  test("hands on what it does not change as the same objects", () => {
    const chunks = ["ab", "cd", "ef"].map((each) => Buffer.from(each));
    const out = splicedChunks(chunks, splice(2, 3));
    expect(out[0]).toBe(chunks[0]);
    expect(out[1]?.toString()).toBe("NEWd");
    expect(out[2]).toBe(chunks[2]);
  });
});
