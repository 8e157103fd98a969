import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EndLine, PickLine } from "../../../src/explain/log-line.ts";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerMap, type ProcessingRequest, protoMethods } from "../../../src/ext-proc/messages.ts";
import { Stream } from "../../../src/ext-proc/stream.ts";
import { isInSample } from "../../../src/observe/decision-log.ts";
import { PickerInHand } from "../../support/picker-in-hand.ts";

const config = `
pools: [{ name: chat, pods: { static: [10.0.0.1:8000] } }]
`;
const pods = ["a", "b"].map((name, i) => ({ name, address: `10.0.0.${i + 1}:8000` }));
const { requestSerialize } = protoMethods().process;
const silent = { send: () => {}, end: () => {}, peer: () => "test" };
let folder: string;
let path: string;
let picker: PickerInHand;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "decision-log-"));
  path = join(folder, "decisions.jsonl");
  picker = new PickerInHand(config, pods, { decisionLog: path });
  picker.table.columns.waiting.set([4, 2]);
  picker.table.columns.kvUsage.set([0.5, 0.25]);
});
afterEach(() => rmSync(folder, { recursive: true }));

function play(...messages: ProcessingRequest[]): void {
  const stream = new Stream(silent, picker.host);
  for (const message of messages) stream.on(decodeMessage(requestSerialize(message)));
  stream.onHalfClose();
}

const headers: ProcessingRequest = {
  request_headers: {
    headers: headerMap({
      ":method": "POST",
      ":path": "/v1/completions?key=CANARY-KEY",
      "x-request-id": "of-envoy",
      "content-length": "300",
      authorization: "Bearer CANARY-KEY",
      "x-session-id": "CANARY-SESSION",
    }),
  },
  protocol_config: { request_body_mode: "BUFFERED", response_body_mode: "STREAMED" },
};

function body(model: string): ProcessingRequest {
  const text = { model, prompt: "CANARY-PROMPT ".repeat(60), user: "CANARY-USER" };
  return { request_body: { body: Buffer.from(JSON.stringify(text)), end_of_stream: true } };
}

async function lines(): Promise<(PickLine | EndLine)[]> {
  await picker.decisions?.flush();
  return readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("DecisionLog", () => {
  test("tells of a pick all that it was made of, and of the request's end what became of it", async () => {
    const usage = { prompt_tokens: 200, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 64 } };
    play(
      headers,
      body("m"),
      { response_headers: { headers: headerMap({ ":status": "200", "content-type": "application/json" }) } },
      { response_body: { body: Buffer.from(JSON.stringify({ choices: [], usage })), end_of_stream: true } },
    );
    const [pick, end] = await lines();
    expect(pick).toMatchObject({
      event: "pick",
      requestId: "of-envoy",
      pool: "chat",
      model: "m",
      reason: "scored",
      shadow: false,
      promptTokens: 210,
      prefix: { blockTokens: 64, ids: expect.stringMatching(/^[\w+/]{16}$/) },
      pick: { pod: "b", address: "10.0.0.2:8000", score: 3.5, seed: expect.any(Number) },
      candidates: {
        pods: ["a", "b"],
        totals: [1, 3.5],
        ageMs: [null, null],
        // As before the pick, which counts itself at once.
        signals: { waiting: [4, 2], kvUsage: [0.5, 0.25], inFlight: [0, 0], pendingTokens: [0, 0], prefixHit: [0, 0] },
      },
      absent: {},
    });
    expect(end).toEqual({
      ...{ event: "end", id: (pick as PickLine).id, requestId: "of-envoy", cause: "half-close", status: 200 },
      ...{ ttftMs: undefined, promptTokens: 200, cachedTokens: 64, completionTokens: 7 },
    });
  });

  test("tells of a refusal who was there and why none of them was a candidate", async () => {
    const entries = [{ id: "m" }];
    for (const pod of picker.table.pods()) picker.models.set(pod, { kind: "listed", entries });
    play(headers, body("unknown"));
    expect(await lines()).toMatchObject([
      { event: "pick", reason: "model_not_found", pick: null, absent: { "does not serve the model": ["a", "b"] } },
    ]);
  });

  test("holds no prompt, no header's value and nothing of the path", async () => {
    for (let i = 0; i < 50; i++) play(headers, body(i % 2 ? "m" : "other"));
    await lines();
    const text = readFileSync(path, "utf8");
    expect(text.split("\n").length).toBeGreaterThan(90);
    expect(text).not.toContain("CANARY");
  });

  test("keeps of a request's id what an id has", async () => {
    const [name, value] = ["x-request-id", "r".repeat(60_000)];
    const map = headerMap({ ":method": "POST", ":path": "/v1/completions", "content-length": "300", [name]: value });
    play({ ...headers, request_headers: { headers: map } }, body("m"));
    expect(await lines()).toMatchObject([{ requestId: "r".repeat(128) }, { requestId: "r".repeat(128) }]);
  });

  test("tells of picks that are only watched, marked as such", async () => {
    play({ ...headers, observability_mode: true }, { ...body("m"), observability_mode: true });
    expect(await lines()).toMatchObject([{ event: "pick", requestId: "of-envoy", shadow: true, pick: { pod: "b" } }]);
  });

  test("tells of a pod named before the body what was known then", async () => {
    const unseen = { ...headers, protocol_config: { request_body_mode: "STREAMED" as const } };
    play(unseen);
    expect(await lines()).toMatchObject([
      { event: "pick", reason: "body_unseen", promptTokens: 0, candidates: { signals: { inFlight: [0, 0] } } },
      { event: "end" },
    ]);
  });

  test("counts what it wrote", async () => {
    play(headers, body("m"));
    await lines();
    expect(await picker.metrics.render()).toContain('pointsman_decision_log_lines_total{outcome="written"} 2');
  });
});

describe("isInSample", () => {
  test("takes a share of the ids, always the same ones, and those of a smaller share among them", () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `request-${i}`);
    const [tenth, half] = [0.1, 0.5].map((share) => new Set(ids.filter((id) => isInSample(id, share))));
    expect(tenth?.size).toBeGreaterThan(900);
    expect(tenth?.size).toBeLessThan(1_100);
    expect(half?.size).toBeGreaterThan(4_800);
    expect(half?.size).toBeLessThan(5_200);
    expect([...(tenth ?? [])].filter((id) => half?.has(id) !== true)).toEqual([]);
    expect(ids.filter((id) => isInSample(id, 0))).toEqual([]);
    expect(ids.filter((id) => !isInSample(id, 1))).toEqual([]);
  });
});
