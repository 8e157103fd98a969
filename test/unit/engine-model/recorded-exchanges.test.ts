/** Replays every recorded exchange with a real vLLM against the fake pod and compares status, headers and shapes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakePod, startFakePod } from "../../../src/engine-model/fake-pod.ts";
import { shapeDifferences } from "../../support/json-shape.ts";

const folder = join(import.meta.dirname, "../../fixtures/vllm");

interface Exchange {
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const names = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));

function load(name: string): Exchange {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
}

/** Where the fake pod is knowingly not like a real one. A line that no longer holds fails the test, as does a new one. */
const knownDifferences: readonly (readonly [exchange: string, difference: string, reason: string])[] = [
  ["chat-render", "status: 403, ours 404", "rendering endpoints are no part of routing"],
  ["completions-render", "status: 403, ours 404", "rendering endpoints are no part of routing"],
  ["responses", "status: 200, ours 404", "the Responses API is not built"],
  ["responses-stream", "status: 200, ours 404", "the Responses API is not built"],
  ["error-unknown-model-responses", "body.error: missing", "the Responses API is not built"],
  ["error-unknown-model-responses", "body.detail: ours only", "the Responses API is not built"],
  ["messages", "status: 200, ours 404", "the Messages API is not built"],
  ["messages-stream", "status: 200, ours 404", "the Messages API is not built"],
  ["messages-count_tokens", "status: 200, ours 404", "the Messages API is not built"],
  ["error-unknown-model-messages", "body.type: missing", "the Messages API is not built"],
  ["error-unknown-model-messages", "body.error: missing", "the Messages API is not built"],
  ["error-unknown-model-messages", "body.detail: ours only", "the Messages API is not built"],
  ["kv_event_sources", "status: 200, ours 404", "the fake pod publishes no KV events"],
  ["completion-lora", "status: 200, ours 404", "the fake pod serves no adapters"],
  ["completion-lora-repeat", "status: 200, ours 404", "the fake pod serves no adapters"],
  ["models", "body.data: 3 items, ours 1", "the fake pod serves no adapters"],
];

const longText = "import os and then read the next line of the file ".repeat(70);
const messages = [{ role: "user", content: longText }];
const greedy = { model: "tiny", temperature: 0, ignore_eos: true };
const chat = { ...greedy, messages, max_tokens: 8 };
const completion = { ...greedy, prompt: longText, max_tokens: 8 };

/** Bodies that were too long to record, made again with what their answers tell of them. */
const omittedBodies: Readonly<Record<string, object>> = {
  chat,
  "chat-repeat-cached": chat,
  "chat-content-parts": { ...chat, messages: [{ role: "user", content: [{ type: "text", text: longText }] }] },
  "chat-stream-usage": { ...chat, stream: true, stream_options: { include_usage: true } },
  "chat-stream-no-usage": { ...chat, stream: true },
  "chat-stream-continuous-usage": {
    ...chat,
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  },
  completion,
  "completion-repeat-cached": completion,
  "completion-stream": { ...completion, max_tokens: 4, stream: true, stream_options: { include_usage: true } },
  "completion-cache-salt": { ...completion, max_tokens: 2, cache_salt: "tenant" },
  "completion-multi-prompt": { ...completion, prompt: [longText, "import os"], max_tokens: 2 },
  "completion-lora": { ...completion, model: "alpha", max_tokens: 4 },
  "completion-lora-repeat": { ...completion, model: "alpha", max_tokens: 4 },
  "error-too-long-chat": { ...chat, messages: [{ role: "user", content: longText.repeat(15) }] },
  "error-too-long-completions": { ...completion, prompt: longText.repeat(15) },
};

async function replay(pod: FakePod, name: string): Promise<{ recorded: Exchange; answer: Response; body: string }> {
  const recorded = load(name);
  const { method, path, body } = recorded.request;
  const given = typeof body === "string" && body.startsWith("(omitted") ? omittedBodies[name] : body;
  if (given === undefined) throw new Error(`${name}: the recording omits its body, and none is made here`);
  const answer = await fetch(`http://${pod.address}${path}`, {
    method,
    ...(given === null
      ? {}
      : {
          headers: { "content-type": "application/json" },
          body: typeof given === "string" ? given : JSON.stringify(given),
        }),
  });
  return { recorded, answer, body: await answer.text() };
}

/** Of a stream the events, of JSON the value; nothing else is recorded but the empty body. */
function parseBody(contentType: string, body: string): unknown {
  if (contentType.startsWith("text/event-stream")) {
    const events = body.split("\n\n");
    return events.map((event) => (event.startsWith("data: {") ? JSON.parse(event.slice("data: ".length)) : event));
  }
  return body === "" ? "" : JSON.parse(body);
}

/** Hop by hop, set by Node, or (x-fake-pod) on every answer of ours. */
const uncomparedHeaders = ["connection", "keep-alive", "x-fake-pod"];

function headerDifferences(recorded: Exchange, answer: Response): string[] {
  const wanted = Object.keys(recorded.headers);
  const got = [...answer.headers.keys()].filter((name) => !uncomparedHeaders.includes(name));
  const missing = wanted.filter((name) => !got.includes(name)).map((name) => `header ${name}: missing`);
  const added = got.filter((name) => !wanted.includes(name)).map((name) => `header ${name}: ours only`);
  const differing = ["content-type", "allow"]
    .filter((name) => (recorded.headers[name] ?? null) !== answer.headers.get(name))
    .map((name) => `header ${name}: ${recorded.headers[name]}, ours ${answer.headers.get(name)}`);
  return [...missing, ...added, ...differing];
}

async function differencesOf(pod: FakePod, name: string): Promise<string[]> {
  const { recorded, answer, body } = await replay(pod, name);
  // Another status is another answer: nothing more to compare.
  if (recorded.status !== answer.status) return [`status: ${recorded.status}, ours ${answer.status}`];
  const type = recorded.headers["content-type"] ?? "";
  return [
    ...headerDifferences(recorded, answer),
    ...shapeDifferences(parseBody(type, recorded.body), parseBody(answer.headers.get("content-type") ?? "", body)),
  ];
}

let pod: FakePod;
beforeAll(async () => {
  pod = await startFakePod({
    model: "tiny",
    maxModelLen: 8192,
    speed: 1000,
    engine: { blockTokens: 32, kvTokens: 512 * 32 },
  });
});
afterAll(() => pod.stop());

describe("fake pod against recorded exchanges", () => {
  test.each(names)("answers %s as recorded, known differences aside", async (name) => {
    const known = knownDifferences.filter(([exchange]) => exchange === name).map(([, difference]) => difference);
    expect((await differencesOf(pod, name)).sort()).toEqual([...known].sort());
  });

  test("every known difference belongs to a recording", () => {
    expect(knownDifferences.map(([exchange]) => exchange).filter((exchange) => !names.includes(exchange))).toEqual([]);
  });

  test("every body made here belongs to a recording that omits its own", () => {
    const omitting = names.filter((name) => String(load(name).request.body).startsWith("(omitted"));
    expect(Object.keys(omittedBodies).sort()).toEqual(omitting.sort());
  });

  test.each(names.filter((name) => name.startsWith("error-")))(
    "%s has the recorded type, param and code",
    async (name) => {
      const { recorded, body } = await replay(pod, name);
      if (knownDifferences.some(([exchange]) => exchange === name)) return;
      const pick = (text: string) => {
        const { error, detail } = JSON.parse(text);
        return error === undefined ? detail : { type: error.type, param: error.param, code: error.code };
      };
      expect(pick(body)).toEqual(pick(recorded.body));
    },
  );

  test("counts prompts and cached tokens by whole blocks, the whole prompt never", async () => {
    const fresh = await startFakePod({ model: "tiny", speed: 1000, engine: { blockTokens: 32 } });
    const prompt = Array.from({ length: 64 }, (_, index) => 100 + index);
    const cached = async (tokens: readonly number[]) => {
      const answer = await fetch(`http://${fresh.address}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: tokens, max_tokens: 1 }),
      });
      const { usage } = (await answer.json()) as {
        usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
      };
      return [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens];
    };
    try {
      expect(await cached(prompt)).toEqual([64, 0]);
      // As observed on a real server: 64 tokens repeated hit 32.
      expect(await cached(prompt)).toEqual([64, 32]);
      expect(await cached([...prompt, 7])).toEqual([65, 64]);
      expect(await cached(prompt.slice(0, 40))).toEqual([40, 32]);
    } finally {
      await fresh.stop();
    }
  });
});
