/** Failover from a backend of OpenAI's API to one with a form of its own, in the body modes that carry both. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, chatBody, failoverPlaces, startBackendsRig, twoBackends } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers, type Serve } from "../support/wired-backend.ts";

const hasEnvoy = (await findTestEnvoy()) !== undefined;
const file = twoBackends
  .replace("name: fallback, api: openai", "name: fallback, api: anthropic")
  .replace(/asksForUsage: true \}\ncosts/, "}\ncosts");
const tolerant: Edit = {
  op: "set",
  at: [...failoverPlaces.cluster, "outlier_detection", "consecutive_5xx"],
  to: 1_000_000,
};
const modes = (request: string, response: string): Edit => ({
  op: "set",
  at: [...failoverPlaces.upstreamPhase, "processing_mode"],
  to: {
    ...{ request_header_mode: "SEND", request_body_mode: request },
    ...{ response_header_mode: "SEND", response_body_mode: response },
    ...(request === "FULL_DUPLEX_STREAMED" && { request_trailer_mode: "SEND" }),
    ...(response === "FULL_DUPLEX_STREAMED" && { response_trailer_mode: "SEND" }),
  },
});

/** Says one word, as Anthropic's API does. */
const says: Serve = ({ body }, response) => {
  const { model, stream } = JSON.parse(body.toString()) as { model: string; stream?: boolean };
  const message = { id: "msg_1", type: "message", role: "assistant", model, stop_reason: null, stop_sequence: null };
  const usage = { input_tokens: 9, output_tokens: 1 };
  if (stream !== true) {
    response.setHeader("content-type", "application/json");
    const content = [{ type: "text", text: "Hello." }];
    response.end(
      JSON.stringify({ ...message, content, stop_reason: "end_turn", usage: { ...usage, output_tokens: 3 } }),
    );
    return;
  }
  response.setHeader("content-type", "text/event-stream");
  const events = [
    { type: "message_start", message: { ...message, content: [], usage } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello." } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 3 } },
    { type: "message_stop" },
  ];
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
};

/** A proxy's page in place of an answer, with a status that says nothing of it. */
const page: Serve = (_request, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<html>Log in first</html>");
};

describe.skipIf(!hasEnvoy).each([
  ["BUFFERED", "STREAMED"],
  ["BUFFERED", "BUFFERED"],
  ["FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED"],
])("a translated fallback in %s and %s", (request, response) => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ file, pickers: 2, edits: [tolerant, modes(request, response)] });
  }, 60_000);
  afterAll(() => rig?.stop());
  beforeEach(() => {
    rig.primary.forget();
    rig.fallback.forget();
    rig.does("primary", answers(500));
    rig.does("fallback", says);
  });

  test("gets the request in its own form, and the client the answer in OpenAI's", async () => {
    const { status, headers, body } = await rig.ask();
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    expect(JSON.parse(body.toString())).toMatchObject({
      ...{ object: "chat.completion", model: "chat", usage: { prompt_tokens: 9, completion_tokens: 3 } },
      choices: [{ message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
    });
    const { path, headers: seen, body: sent } = rig.fallback.only;
    expect([path, JSON.parse(sent.toString()).model]).toEqual(["/fallback/v1/messages", "model-of-fallback"]);
    expect(seen).toMatchObject({ "anthropic-version": expect.any(String), "x-api-key": expect.any(String) });
    expect(seen).not.toHaveProperty("authorization");
  });

  test("streams", async () => {
    const { headers, body } = await rig.ask({ body: chatBody({ stream: true }) });
    expect(headers["content-type"]).toBe("text/event-stream");
    expect(body.toString()).toMatch(/"model":"chat".*"content":"Hello\.".*"finish_reason":"stop".*\[DONE\]/s);
  });

  test("is told as an error of its own where it fails too", async () => {
    rig.does("fallback", (_request, answer) => {
      answer.writeHead(529, { "content-type": "application/json" });
      answer.end('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
    });
    const { status, body } = await rig.ask();
    expect([status, JSON.parse(body.toString()).error]).toMatchObject([
      529,
      { code: "overloaded_error", message: "Overloaded" },
    ]);
  });

  test("refuses what it has no word for, and says which member that is", async () => {
    rig.does("primary", completes());
    expect((await rig.ask({ body: chatBody({ n: 3 }) })).status).toBe(200);
    rig.does("primary", answers(500));
    const { status, body } = await rig.ask({ body: chatBody({ n: 3 }) });
    expect([status, JSON.parse(body.toString()).error]).toMatchObject([422, { code: "untranslatable", param: "n" }]);
    expect(rig.fallback.requests).toEqual([]);
  });
});

describe.skipIf(!hasEnvoy)("a translated primary", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    const translated = twoBackends
      .replace("name: primary, api: openai", "name: primary, api: anthropic")
      .replace("asksForUsage: true", "keepsAuthorization: false");
    rig = await startBackendsRig({ file: translated, pickers: 1, edits: [tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test("whose answer is a page is passed over, though its status is 200", async () => {
    rig.does("primary", page);
    rig.does("fallback", completes());
    const { status, body } = await rig.ask();
    expect([status, JSON.parse(body.toString()).object]).toEqual([200, "chat.completion"]);
    expect([rig.primary.requests.length, rig.fallback.requests.length]).toEqual([1, 1]);
  });
});
