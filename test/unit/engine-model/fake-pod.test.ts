import { connect } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type FakePod, type FakePodOptions, startFakePod } from "../../../src/engine-model/fake-pod.ts";

/** A busy machine may need long for what takes a moment on an idle one. */
const patiently = { timeout: 8000 };

const pods: FakePod[] = [];
afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.stop()));
});

async function start(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod({ speed: 1000, ...options });
  pods.push(pod);
  return pod;
}

function post(pod: FakePod, path: string, body: object, signal: AbortSignal | null = null): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`http://${pod.address}${path}`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

interface ChatAnswer {
  readonly choices: readonly { readonly message: { readonly content: string }; readonly finish_reason: string }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

async function chat(pod: FakePod, messages: readonly object[], extra: object = {}): Promise<ChatAnswer> {
  const answer = await post(pod, "/v1/chat/completions", { messages, ...extra });
  expect(answer.status).toBe(200);
  return (await answer.json()) as ChatAnswer;
}

/** Lasts for minutes at speed 1: whatever is seen of its answer is seen while it runs. */
const endlessCall = { prompt: "import os", max_tokens: 30_000, ignore_eos: true };

const user = (content: string) => ({ role: "user", content });

describe("fake pod, answers", () => {
  test("carries its name on every answer, the address when it has none", async () => {
    const [named, unnamed] = [await start({ name: "pod-7" }), await start()];
    expect((await fetch(`http://${named.address}/health`)).headers.get("x-fake-pod")).toBe("pod-7");
    expect((await fetch(`http://${unnamed.address}/nothing`)).headers.get("x-fake-pod")).toBe(unnamed.address);
  });

  test("finds the last turn's prompt and answer in its cache", async () => {
    const pod = await start({ engine: { blockTokens: 4 } });
    const question = user("Tell me at some length how a picker chooses among its pods.");
    const first = await chat(pod, [question]);
    expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
    const reply = { role: "assistant", content: first.choices[0]!.message.content };
    const second = await chat(pod, [question, reply, user("Go on.")]);
    // All but the answer's last token was computed; of that, full blocks.
    const computed = first.usage.prompt_tokens + first.usage.completion_tokens - 1;
    expect(second.usage.prompt_tokens_details.cached_tokens).toBe(Math.floor(computed / 4) * 4);
  });

  test("gives one prompt the same answer on pods of one seed, another on others", async () => {
    const answers = await Promise.all(
      [5, 5, 6].map(async (seed) => (await chat(await start({ seed }), [user("hello")])).choices[0]!.message.content),
    );
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).not.toBe(answers[0]);
  });

  test("stops by itself within answerTokens, and at the cap with length", async () => {
    const pod = await start({ answerTokens: [5, 9] });
    const free = await chat(pod, [user("hello")]);
    expect(free.choices[0]!.finish_reason).toBe("stop");
    expect(free.usage.completion_tokens).toBeGreaterThanOrEqual(5);
    expect(free.usage.completion_tokens).toBeLessThanOrEqual(9);
    const capped = await chat(pod, [user("hello")], { max_completion_tokens: 3 });
    expect([capped.choices[0]!.finish_reason, capped.usage.completion_tokens]).toEqual(["length", 3]);
    const forced = await chat(pod, [user("hello")], { max_tokens: 30, ignore_eos: true });
    expect(forced.usage.completion_tokens).toBe(30);
  });

  test("answers n times per prompt, with other words each time", async () => {
    const answer = await chat(await start(), [user("hello")], { n: 3, max_tokens: 6 });
    expect(new Set(answer.choices.map(({ message }) => message.content)).size).toBe(3);
    expect(answer.usage.completion_tokens).toBe(18);
  });

  test("tokenizes to what an inference counts", async () => {
    const pod = await start();
    const messages = [user("How many tokens is this?")];
    const { count } = (await (await post(pod, "/tokenize", { messages })).json()) as { count: number };
    expect((await chat(pod, messages)).usage.prompt_tokens).toBe(count);
  });

  test.each([
    ["prompt and max_tokens together too long", { prompt: "x", max_tokens: 100 }, "input_tokens"],
    ["max_tokens below 1", { prompt: "x", max_tokens: 0 }, "body.max_tokens"],
    ["stream that is no boolean", { prompt: "x", stream: "yes" }, "body.stream"],
    ["no prompt", {}, "body.prompt"],
    ["an empty list of prompts", { prompt: [] }, "body.prompt"],
  ])("refuses %s", async (_, body, param) => {
    const pod = await start({ maxModelLen: 100 });
    const answer = await post(pod, "/v1/completions", body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param, code: 400 } });
  });

  test.each([
    ["a message that is no object", [1], "body.messages.0"],
    ["a message without role", [{ content: "x" }], "body.messages.0.role"],
    ["messages that are no list", "x", "body.messages"],
  ])("refuses %s", async (_, messages, param) => {
    const answer = await post(await start(), "/v1/chat/completions", { messages });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param } });
  });

  test("refuses a body that is JSON but no object", async () => {
    const answer = await post(await start(), "/v1/completions", []);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param: "body" } }]);
  });
});

describe("fake pod, streams", () => {
  test("sends the headers at once and each token when it is generated", async () => {
    const pod = await start({ speed: 1 });
    const leave = new AbortController();
    const answer = await post(pod, "/v1/completions", { ...endlessCall, stream: true }, leave.signal);
    expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const { value } = await answer.body!.getReader().read();
    expect(new TextDecoder().decode(value)).toMatch(/^data: \{.*"finish_reason":null/);
    expect(pod.engine.metrics.finished.length).toBe(0);
    leave.abort();
  });

  test.each([
    ["what curl says of itself", "application/x-www-form-urlencoded"],
    ["nothing", undefined],
  ])("refuses a body announced as %s, on every path that takes one", async (_what, type) => {
    const pod = await start();
    const body = Buffer.from(JSON.stringify({ prompt: "import os", max_tokens: 1 }));
    const headers = type === undefined ? {} : { "content-type": type };
    for (const path of ["/v1/completions", "/v1/chat/completions", "/tokenize"]) {
      const answer = await fetch(`http://${pod.address}${path}`, { method: "POST", headers, body });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { type: "Bad Request", param: null, code: 400 } });
    }
  });

  test("sends the headers before the first token", async () => {
    const pod = await start({ speed: 1, engine: { apiSeconds: 3600 } });
    const leave = new AbortController();
    const answer = await post(pod, "/v1/completions", { ...endlessCall, stream: true }, leave.signal);
    expect([answer.status, pod.engine.metrics.generationTokens]).toEqual([200, 0]);
    leave.abort();
  });

  test.each([true, false])("aborts in the engine when the client leaves (stream %s)", async (stream) => {
    const pod = await start({ speed: 1 });
    const leave = new AbortController();
    const call = post(pod, "/v1/completions", { ...endlessCall, stream }, leave.signal).catch(() => null);
    await vi.waitFor(() => expect(pod.engine.metrics.running).toBe(1), patiently);
    leave.abort();
    await vi.waitFor(() => expect(pod.engine.metrics.running).toBe(0), patiently);
    expect(pod.engine.metrics.finished).toMatchObject({ abort: 1, length: 0 });
    expect(pod.engine.metrics.kvUsage).toBe(0);
    await call;
  });

  test("interleaves the answers to several prompts, each with its own end", async () => {
    const answer = await post(await start(), "/v1/completions", { prompt: ["a", "b"], max_tokens: 3, stream: true });
    const events = (await answer.text()).trimEnd().split("\n\n");
    expect(events.pop()).toBe("data: [DONE]");
    const choices = events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0]);
    for (const index of [0, 1]) {
      const reasons = choices.filter((choice) => choice.index === index).map((choice) => choice.finish_reason);
      expect(reasons).toEqual([null, null, "length"]);
    }
  });

  test("counts open calls in /load", async () => {
    const pod = await start({ speed: 1 });
    const load = async () =>
      ((await (await fetch(`http://${pod.address}/load`)).json()) as { server_load: number }).server_load;
    const leave = new AbortController();
    await post(pod, "/v1/completions", { ...endlessCall, stream: true }, leave.signal);
    expect(await load()).toBe(1);
    leave.abort();
    await vi.waitFor(async () => expect(await load()).toBe(0), patiently);
  });
});

/** Sends bytes as they are and gives back what came, once `enough` says so. */
function exchange(pod: FakePod, bytes: string, enough: (text: string) => boolean): Promise<string> {
  const [host, port] = pod.address.split(":");
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), host, () => socket.write(bytes));
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      text += chunk;
      if (enough(text)) {
        socket.destroy();
        resolve(text);
      }
    });
  });
}

describe("fake pod, HTTP/1.1", () => {
  test("takes a chunked upload with trailers, and another request on the same connection", async () => {
    const pod = await start();
    const type = "content-type: application/json; charset=utf-8\r\n";
    const length = "transfer-encoding: chunked\r\ntrailer: x-sum\r\n";
    const head = `POST /v1/completions HTTP/1.1\r\nhost: pod\r\n${type}${length}\r\n`;
    const upload = '9\r\n{"prompt"\r\n14\r\n:"x","max_tokens":1}\r\n0\r\nx-sum: 1\r\n\r\n';
    const next = "GET /version HTTP/1.1\r\nhost: pod\r\n\r\n";
    const text = await exchange(pod, head + upload + next, (got) => got.includes('"version"'));
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(text).toContain('"prompt_tokens":1');
  });

  test("reads the whole upload before it refuses", async () => {
    const pod = await start();
    pod.switches.fail500 = true;
    const answer = await post(pod, "/v1/completions", { prompt: "x".repeat(5_000_000) });
    expect(answer.status).toBe(500);
  });
});
