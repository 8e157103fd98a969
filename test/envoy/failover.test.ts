/** The shipped failover.yaml: two backends at two priorities, an attempt at each, and what every one of them is sent. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, chatBody, failoverPlaces, keys, startBackendsRig } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import type { Answer, Ask, Framing } from "../support/http-framings.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers, hangs, resets, type Serve } from "../support/wired-backend.ts";

const MIB = 1024 * 1024;
const PATH = "/v1/chat/completions?q=1";
const CLIENT_KEY = "canary-of-the-client";
const hasEnvoy = (await findTestEnvoy()) !== undefined;
const hasOldest = (await findTestEnvoy("1.37.0")) !== undefined;
/** Of a client, of the gateway, of ours: no backend is to see any of it. */
const foreign = /canary|forged|x-envoy|x-ai-eg|destination|pointsman/i;
const clientHeaders = {
  authorization: `Bearer ${CLIENT_KEY}`,
  cookie: `session=${CLIENT_KEY}`,
  "api-key": CLIENT_KEY,
  "x-ai-eg-model": "forged",
  "x-gateway-destination-endpoint": "10.0.0.9:1",
};
const perTry = [...failoverPlaces.retryPolicy, "per_try_timeout"];
const impatient: Edit = { op: "set", at: perTry, to: "2s" };
/** The way of a large body to the picker counts in an attempt's time. */
const patient: Edit = { op: "set", at: perTry, to: "60s" };
/** None is left out. */
const tolerant: Edit = {
  op: "set",
  at: [...failoverPlaces.cluster, "outlier_detection", "consecutive_5xx"],
  to: 1_000_000,
};

const ask = (rig: BackendsRig, question: Partial<Ask> = {}): Promise<Answer> =>
  rig.ask({ path: PATH, headers: clientHeaders, ...question });
const errorOf = ({ body }: Answer) => JSON.parse(body.toString()).error;
const modelOf = ({ body }: Answer) => JSON.parse(body.toString()).model;

function forget({ primary, fallback }: BackendsRig): void {
  primary.forget();
  fallback.forget();
}

function expectPrimarysRequest({ primary }: BackendsRig): void {
  const { path, headers, body } = primary.only;
  expect(path).toBe(`/primary${PATH}`);
  expect(body.toString()).toBe(chatBody().toString().replace('"chat"', '"model-of-primary"'));
  expect(headers).toMatchObject({ host: "primary.example", authorization: `Bearer ${keys.primary}` });
  expect(primary.wire).not.toMatch(foreign);
  expect(primary.wire).not.toMatch(/fallback/i);
}

function expectFallbacksRequest({ fallback }: BackendsRig): void {
  const { path, headers, body } = fallback.only;
  expect(path).toBe(`/fallback${PATH}`);
  expect(body.toString()).toBe(chatBody().toString().replace('"chat"', '"model-of-fallback"'));
  const { "x-request-id": _, ...known } = headers;
  expect(known).toEqual({
    "content-length": String(body.length),
    "content-type": "application/json",
    host: "fallback.example",
    "x-api-key": keys.fallback,
    "x-forwarded-proto": "http",
  });
  expect(fallback.wire).not.toMatch(foreign);
  expect(fallback.wire).not.toMatch(/primary/i);
}

describe.skipIf(!hasEnvoy)("failover.yaml", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ pickers: 2, edits: [impatient, tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());
  beforeEach(() => {
    rig.does("primary", completes());
    rig.does("fallback", completes());
    forget(rig);
  });

  test("sends a request to the primary, in its own words, and nowhere else", async () => {
    const answer = await ask(rig);
    expect([answer.status, modelOf(answer)]).toEqual([200, "chat"]);
    expectPrimarysRequest(rig);
    expect(rig.fallback.requests).toEqual([]);
  });

  test.each<[string, Serve]>([
    ["answers 500", answers(500)],
    ["answers 503", answers(503)],
    ["answers 429 with Retry-After", answers(429, { "retry-after": "60" })],
    ["breaks the connection", resets],
    ["hangs", hangs],
  ])("goes on to the fallback where the primary %s, with everything made anew", async (_, serve) => {
    rig.does("primary", serve);
    const answer = await ask(rig);
    expect([answer.status, modelOf(answer)]).toEqual([200, "chat"]);
    expectPrimarysRequest(rig);
    expectFallbacksRequest(rig);
  });

  test("goes on where the primary refuses connections", async () => {
    await rig.primary.refuse();
    try {
      expect((await ask(rig)).status).toBe(200);
      expectFallbacksRequest(rig);
    } finally {
      await rig.primary.accept();
    }
  });

  test.each<Framing>(["h1 chunked", "h2 content-length", "h2 no length"])(
    "and so with a request framed as %s",
    async (framing) => {
      rig.does("primary", answers(500));
      expect((await ask(rig, { framing })).status).toBe(200);
      expectFallbacksRequest(rig);
    },
  );

  test("has the last answer reach the client as it is where both fail", async () => {
    rig.does("primary", answers(500));
    rig.does("fallback", answers(503));
    const answer = await ask(rig);
    expect([answer.status, errorOf(answer).message, rig.asked.slice(-2)]).toEqual([
      503,
      "not now",
      ["primary", "fallback"],
    ]);
  });

  test("leaves a refusal of the backend alone, which no other would serve", async () => {
    rig.does("primary", answers(400));
    expect((await ask(rig)).status).toBe(400);
    expect(rig.fallback.requests).toEqual([]);
  });

  test("passes a stream event by event, with the client's name and without the usage it did not ask for", async () => {
    rig.does("primary", answers(500));
    const answer = await ask(rig, { body: chatBody({ stream: true }) });
    expect(answer.headers["content-type"]).toMatch(/^text\/event-stream/);
    expect(JSON.parse(rig.fallback.only.body.toString()).stream_options).toEqual({ include_usage: true });
    const text = answer.body.toString();
    expect(text).toMatch(/"model":"chat".*\[DONE\]/s);
    expect(text).not.toMatch(/model-of-fallback|"choices":\[\]/);
  });

  test("is served by both pickers in turn, which share nothing", async () => {
    rig.does("primary", answers(500));
    for (let i = 0; i < 8; i++) expect((await ask(rig)).status).toBe(200);
    for (const picker of rig.pickers) {
      const [routed, first, further] = await Promise.all([
        picker.metric("pointsman_routed_total", { by: "body" }),
        picker.metric("pointsman_attempts_total", { backend: "primary", attempt: "first" }),
        picker.metric("pointsman_attempts_total", { backend: "fallback", attempt: "further" }),
      ]);
      expect([routed > 0, first > 0, further > 0]).toEqual([true, true, true]);
      expect(await picker.metric("pointsman_attempts_unfit_total")).toBe(0);
      expect(await picker.metric("pointsman_faults_total")).toBe(0);
    }
  });

  test.each([
    ["an unknown path", chatBody(), "/v1/nothing", 404, "unsupported_path"],
    ["malformed JSON", Buffer.from("{bad"), PATH, 400, "malformed_json"],
    ["no model", Buffer.from("{}"), PATH, 400, "model_missing"],
    ["a model without a route", chatBody({ model: "other" }), PATH, 404, "model_not_found"],
  ])("tells the client of %s, without a backend", async (_, body, path, status, code) => {
    const answer = await ask(rig, { body, path });
    expect([answer.status, errorOf(answer).code]).toEqual([status, code]);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect([...rig.primary.requests, ...rig.fallback.requests]).toEqual([]);
  });
});

describe.skipIf(!hasEnvoy)("failover.yaml with time for large bodies", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ pickers: 2, edits: [patient] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test.each<Framing>(["h1 content-length", "h2 no length"])(
    "makes 20 MiB twice of the original: %s",
    { timeout: 90_000 },
    async (framing) => {
      forget(rig);
      rig.does("primary", answers(500));
      const body = chatBody({ messages: [{ role: "user", content: "x".repeat(20 * MIB) }] });
      expect((await ask(rig, { body, framing })).status).toBe(200);
      for (const { name, only } of [rig.primary, rig.fallback])
        expect(only.body.equals(Buffer.from(body.toString().replace('"chat"', `"model-of-${name}"`)))).toBe(true);
    },
  );
});

describe.skipIf(!hasOldest)("failover.yaml with the oldest Envoy that can", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ version: "1.37.0", pickers: 2, edits: [tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test("goes on to the fallback, with a whole answer and with a stream", async () => {
    rig.does("primary", answers(500));
    expect(modelOf(await ask(rig))).toBe("chat");
    expectFallbacksRequest(rig);
    const stream = await ask(rig, { body: chatBody({ stream: true }) });
    expect(stream.body.toString()).toMatch(/"model":"chat".*\[DONE\]/s);
  });
});
