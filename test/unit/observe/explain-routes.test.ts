import http from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { addExplainRoutes, type ExplainParts } from "../../../src/observe/explain-routes.ts";
import { readAsked } from "../../../src/observe/read-asked.ts";
import { PickerInHand } from "../../support/picker-in-hand.ts";

const config = "pools: [{ name: chat, pods: { static: [10.0.0.1:8000] } }]";
let picker: PickerInHand;
let server: FastifyInstance;
/** Stands still unless a test moves it: on a busy machine each answer would take long, and the next have to wait. */
let clockMs = 0;
const nowMs = () => clockMs;

beforeEach(() => {
  clockMs = 0;
  picker = new PickerInHand(config, [
    { name: "a", address: "10.0.0.1:8000" },
    { name: "b", address: "10.0.0.2:8000" },
  ]);
  picker.table.columns.waiting.set([4, 2]);
  for (const pod of picker.table.pods()) picker.models.set(pod, { kind: "listed", entries: [{ id: "m" }] });
  server = fastify();
  addExplainRoutes(server, {
    trace: picker.trace,
    explain: picker.explain,
    bodyLimitBytes: 10_000_000,
    budget: picker.host.budget,
    nowMs,
  });
});

async function explained(payload: string | object, query = "", type = "application/json") {
  const headers = { "content-type": type };
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return server.inject({ method: "POST", url: `/debug/explain${query}`, headers, payload: text });
}

describe("POST /debug/explain", () => {
  test.each([
    ["a body alone", { model: "m", prompt: "p" }],
    [
      "a body with all around it",
      { path: "/v1/completions", headers: { "X-Any": "v" }, body: { model: "m", prompt: "p" } },
    ],
    ["a body as text", { body: '{"model":"m","messages":[]}' }],
    ["a request without a body", { method: "GET", path: "/other" }],
  ])("says where the request would go: %s", async (_, payload) => {
    const answer = await explained(payload);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id: "next", pool: "chat", outcome: { kind: "picked", pod: "b" } });
  });

  test("takes any kind of body, as curl sends it", async () => {
    const answer = await explained({ model: "m" }, "", "application/x-www-form-urlencoded");
    expect(answer.json()).toMatchObject({ outcome: { pod: "b" } });
  });

  test("draws with the seed that is given, and with the next one's otherwise", async () => {
    expect((await explained({ model: "m" }, "?seed=7")).json()).toMatchObject({ seed: 7 });
    expect((await explained({ body: { model: "m" }, seed: 8 })).json()).toMatchObject({ seed: 8 });
    const { seed } = (await explained({ model: "m" })).json();
    expect(seed).toBe(picker.host.router.nextSeed);
    expect((await explained({ model: "m" })).json()).toMatchObject({ seed });
  });

  test("says what the client would be told where nobody is picked", async () => {
    expect((await explained("no json")).json()).toMatchObject({ outcome: { kind: "refused", code: "malformed_json" } });
    const large = await explained({ model: "m", prompt: "x".repeat(40 * 1024 * 1024) });
    expect(large.statusCode).toBe(413);
  });

  test.each([
    [{ path: "no-slash", body: {} }, "", "path: expected"],
    [{ headers: { n: 1 }, body: {} }, "", "headers: expected"],
    [{ subset: "10.0.0.1", body: {} }, "", "subset: expected"],
    [{ body: {}, seed: -1 }, "", "seed: expected"],
    [{ headers: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`k${i}`, "1"])) }, "", "headers: expected"],
    [{ headers: { long: "x".repeat(65_536) }, body: {} }, "", "headers: expected"],
    [{ subset: Array.from({ length: 30_000 }, () => "10.0.0.1:80"), body: {} }, "", "subset: expected"],
    [`{"body":{"model":"m","prompt":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`, "", "nested at most 512 deep"],
    [`{"body":{"model":"m","x":[${"{},".repeat(200_000)}1]}}`, "", "131,072 values"],
    [{ model: "m" }, "?seed=x", "seed: expected"],
    [{ method: "GET", path: "/v1/models" }, "", "answers this request itself"],
  ])("says what is wrong, %#: %s", async (payload, query, words) => {
    const answer = await explained(payload, query);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toContain(words);
  });
});

describe("POST /debug/explain, asked for more than is good", () => {
  const asIf = (over: Partial<ExplainParts>): FastifyInstance => {
    const other = fastify();
    const { trace, explain, host } = picker;
    addExplainRoutes(other, { trace, explain, bodyLimitBytes: 1_000, budget: host.budget, nowMs, ...over });
    return other;
  };
  const ask = { method: "POST", url: "/debug/explain" } as const;

  test("rests for as long as one has taken: picks go first", async () => {
    const slow = asIf({
      explain: (asked) => {
        clockMs += 1_000;
        return picker.explain(asked);
      },
    });
    expect((await slow.inject({ ...ask, payload: { model: "m" } })).statusCode).toBe(200);
    const again = await slow.inject({ ...ask, payload: { model: "m" } });
    expect([again.statusCode, again.headers["retry-after"]]).toEqual([429, "1"]);
    clockMs += 1_000;
    expect((await slow.inject({ ...ask, payload: { model: "m" } })).statusCode).toBe(200);
  });

  test("takes a few uploads at a time, inside the limit on buffered bytes, and gives all of it back", async () => {
    const { budget } = picker.host;
    const open = asIf({});
    const at = await open.listen({ host: "127.0.0.1", port: 0 });
    const upload = () => {
      const headers = { "content-type": "text/plain", "content-length": "1000" };
      const request = http.request(`${at}/debug/explain`, { method: "POST", headers });
      request.on("error", () => {});
      request.write("{");
      return request;
    };
    const uploads = Array.from({ length: 4 }, upload);
    await vi.waitFor(() => expect(budget.usedBytes).toBe(4_000));
    const fifth = await fetch(`${at}/debug/explain`, { method: "POST", body: '{"model":"m"}' });
    expect(fifth.status).toBe(429);
    for (const each of uploads) each.destroy();
    await vi.waitFor(() => expect(budget.usedBytes).toBe(0));
    expect((await open.inject({ ...ask, payload: { model: "m" } })).json()).toMatchObject({ outcome: { pod: "b" } });
    budget.take(budget.limitBytes);
    expect((await open.inject({ ...ask, payload: { model: "m" } })).statusCode).toBe(503);
    await open.close();
  });

  test("counts the body once, as the request's own is: at the limit it is explained as it would be picked", async () => {
    const { budget } = picker.host;
    const payload = JSON.stringify({ model: "m", prompt: "p".repeat(100) });
    budget.take(budget.limitBytes - payload.length);
    expect((await asIf({}).inject({ ...ask, payload })).json()).toMatchObject({ reason: "scored" });
  });
});

describe("GET /debug/decisions/:id", () => {
  test("is 404 for what is not kept, and for another process's", async () => {
    for (const id of ["abcdef-0", "next", "%00"]) {
      const answer = await server.inject(`/debug/decisions/${id}`);
      expect(answer.statusCode).toBe(404);
    }
  });
});

test("readAsked takes the path from what is in the body", () => {
  const pathOf = (json: object) => {
    const asked = readAsked(Buffer.from(JSON.stringify(json)), undefined);
    return "fault" in asked ? asked.fault : asked.path;
  };
  expect(pathOf({ model: "m", messages: [] })).toBe("/v1/chat/completions");
  expect(pathOf({ model: "m", input: "x" })).toBe("/v1/embeddings");
  expect(pathOf({ body: { model: "m", prompt: "x" } })).toBe("/v1/completions");
  expect(pathOf({ body: { model: "m", messages: [] } })).toBe("/v1/chat/completions");
  expect(pathOf({ body: JSON.stringify({ model: "m", input: "x" }) })).toBe("/v1/embeddings");
});

test("readAsked takes the body as it is written, and the last of a name that is there twice", () => {
  const bodyOf = (text: string) => {
    const asked = readAsked(Buffer.from(text), undefined);
    return "fault" in asked ? asked.fault : asked.body.toString();
  };
  expect(bodyOf('{ "body" : { "model" : "m",  "p":1.0 } , "seed":1 }')).toBe('{ "model" : "m",  "p":1.0 }');
  expect(bodyOf('{"body":{"model":"a"},"body":"b\\n"}')).toBe("b\n");
  expect(bodyOf('{"model":"m","body":{}}')).toBe('{"model":"m","body":{}}');
});
