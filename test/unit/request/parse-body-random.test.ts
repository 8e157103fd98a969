import { describe, expect, test } from "vitest";
import { apis } from "../../../src/request/apis.ts";
import type { InferenceRequest, JsonApi } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { BlockKeys, hashPrompt } from "../../../src/request/prompt-blocks.ts";
import { decodedPartsOf, requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";
import { randomBody } from "../../support/random-body.ts";
import { broken, shifted } from "../../support/random-json.ts";
import { readNaively } from "../../support/request-oracle.ts";

const names = Object.keys(apis) as JsonApi[];
const keys = new BlockKeys();
/** Between a quiet machine and this bound lie two orders of magnitude. */
const CPU_SECONDS = 60;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Does the request hold together? */
function check({ prompt, promptBytes, model }: InferenceRequest, body: Uint8Array): void {
  expect(model.length).toBeLessThanOrEqual(512);
  expect(promptBytes).toBeGreaterThanOrEqual(0);
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    const [start = -1, end = -1] = [prompt?.starts[i], prompt?.ends[i]];
    if (!(start >= 0 && start < end && end <= body.length)) expect.fail(`range ${i}: ${start}..${end}`);
  }
}

describe("parseBody", () => {
  test.each(names)("reads of random bodies of %s what JSON.parse tells", (api) => {
    const random = new Random(names.indexOf(api) + 600);
    let withPrompt = 0;
    for (let round = 0; round < 500; round++) {
      const text = randomBody(random, api);
      const request = parseBody(api, shifted(Buffer.from(text), round & 3), false);
      const expected = readNaively(api, JSON.parse(text) as Record<string, unknown>);
      if ("code" in request) {
        expect([request.code, expected.model, apis[api].needsModel], text).toEqual(["model_missing", "", true]);
        continue;
      }
      const { model, stream, maxTokens, session, adapter, prompt } = request;
      expect({ model, stream, maxTokens, session, adapter, parts: expected.parts }, text).toEqual(expected);
      if (prompt === null) continue;
      withPrompt++;
      expect(decodedPartsOf(request), text).toEqual(expected.parts);
    }
    if (apis[api].keepsPrompt) expect(withPrompt).toBeGreaterThan(200);
  });

  test("survives 10,000 mutated bodies, whole and cut, in bounded time, and refuses those that JSON.parse refuses", {
    timeout: 120_000,
  }, () => {
    const random = new Random(777);
    const before = process.cpuUsage();
    const seen = { refused: 0, read: 0 };
    for (let round = 0; round < 10_000; round++) {
      const api = random.of(names);
      const body = shifted(broken(random, Buffer.from(randomBody(random, api))), round & 3);
      const value = parsed(body.toString());
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      const whole = parseBody(api, body, false);
      const isRefused = "code" in whole && whole.code === "malformed_json";
      if (isRefused === isObject) expect.fail(`round ${round}: ${JSON.stringify(body.toString())}`);
      seen[isRefused ? "refused" : "read"]++;
      const read = parseBody(api, body, true);
      if ("code" in read) expect.fail(`round ${round}: ${read.code} of a cut body`);
      check(read, body);
      hashPrompt(read, keys);
    }
    const { user, system } = process.cpuUsage(before);
    expect(Math.min(seen.refused, seen.read)).toBeGreaterThan(2000);
    expect((user + system) / 1e6).toBeLessThan(CPU_SECONDS);
  });

  test("takes what is nested as deep as scanners go, in any member", () => {
    const deep = '{"a":['.repeat(250) + "]}".repeat(250);
    for (const api of names) {
      for (const { at } of apis[api].prompt.filter((part) => !part.at.includes("."))) {
        const text = `{"model":"m","${at}":${deep},"x":[${deep}],"stream":true}`;
        expect(requestOf(api, text), `${api} ${at}`).toMatchObject({ model: "m", stream: true });
      }
    }
  });
});
