/** What the shipped objects for backends make of Envoy Gateway's Envoy: the fallback's own request, ejection, and no route. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatBody, keys, twoBackends } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { failoverGateway } from "../support/envoy-gateway-failover.ts";
import { type Answer, type Ask, ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";
import { answers, resets, type Serve, WiredBackend } from "../support/wired-backend.ts";

const MIB = 1024 * 1024;
/** The Envoys of Envoy Gateway 1.8 and newer. */
const envoys = (await Promise.all(["1.38.3", undefined].map(findTestEnvoy))).filter(
  (envoy): envoy is TestEnvoy => envoy !== undefined,
);
const foreign = /canary|forged|x-envoy|x-ai-eg|destination|pointsman|primary/i;
const headers = { authorization: "Bearer canary", cookie: "canary", "x-ai-eg-model": "forged" };

describe.each(envoys)("Envoy $version as Envoy Gateway's, with failover.yaml", (found) => {
  const primary = new WiredBackend("primary", completes());
  const fallback = new WiredBackend("fallback", completes());
  const folder = mkdtempSync(join(tmpdir(), "pointsman-eg-"));
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    await Promise.all([primary.listen(), fallback.listen()]);
    mkdirSync(join(folder, "keys"));
    for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder, "keys", name), key);
    writeFileSync(join(folder, "backends.yaml"), twoBackends);
    picker = await startPicker([`--config-file=${join(folder, "backends.yaml")}`]);
    envoy = await start();
  });

  afterAll(async () => {
    await Promise.all([envoy?.stop(), picker?.kill(), primary.close(), fallback.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    for (const backend of [primary, fallback]) {
      backend.forget();
      backend.serve = completes();
    }
  });

  const start = () => {
    const backends = [primary, fallback].map(({ port }) => `127.0.0.1:${port}`);
    return found.start({ config: failoverGateway({ picker: picker.address, backends }) });
  };

  const send = (question: Partial<Ask> = {}, through = envoy): Promise<Answer> => {
    const port = through.ports.get("requests") ?? 0;
    const usual = { framing: "h1 content-length", path: "/v1/chat/completions", body: chatBody() } as const;
    return ask({ port, headers, ...usual, ...question });
  };

  test.each<[string, Serve]>([
    ["answers 500", answers(500)],
    ["answers 429", answers(429, { "retry-after": "60" })],
    ["resets the connection", resets],
  ])("a primary that %s is followed by the fallback, with its own model, path and key", async (_how, serve) => {
    primary.serve = serve;
    const answer = await send();
    expect([answer.status, JSON.parse(answer.body.toString()).model]).toEqual([200, "chat"]);
    expect(primary.only.headers["authorization"]).toBe(`Bearer ${keys.primary}`);
    const { path, headers: seen, body } = fallback.only;
    expect([path, seen["host"], seen["x-api-key"]]).toEqual([
      "/fallback/v1/chat/completions",
      "fallback.example",
      keys.fallback,
    ]);
    expect(JSON.parse(body.toString()).model).toBe("model-of-fallback");
    expect(fallback.wire).toContain("x-api-key");
    expect(fallback.wire).not.toMatch(foreign);
  });

  test.each(["h1 content-length", "h2 no length"] as const)("20 MiB as %s are made anew for both", async (framing) => {
    primary.serve = answers(500);
    const body = chatBody({ messages: [{ role: "user", content: "x".repeat(20 * MIB) }] });
    const { status } = await send({ framing, body });
    expect([status, primary.only.body.length > 20 * MIB, fallback.only.body.length > 20 * MIB]).toEqual([
      200,
      true,
      true,
    ]);
  });

  test("a model without a route is 404 with a reason, and the models are listed", async () => {
    const other = await send({ body: chatBody({ model: "other" }), headers: { "x-ai-eg-model": "chat" } });
    expect([other.status, JSON.parse(other.body.toString())]).toMatchObject([
      404,
      { error: { code: "model_not_found" } },
    ]);
    const models = await fetch(`http://127.0.0.1:${envoy.ports.get("requests")}/v1/models`);
    expect([models.status, await models.json()]).toMatchObject([200, { data: [{ id: "chat" }] }]);
    expect([...primary.requests, ...fallback.requests]).toEqual([]);
  });

  test("a primary that failed five times in a row is left alone", async () => {
    const own = await start();
    primary.serve = answers(500);
    for (let i = 0; i < 5; i++) expect((await send({}, own)).status).toBe(200);
    const active = await own.admin("/stats?filter=outlier_detection.ejections_active");
    expect(active).toMatch(/rule\/0\.outlier_detection\.ejections_active: 1/);
    do {
      primary.forget();
      expect((await send({}, own)).status).toBe(200);
      // The counter is a moment ahead of Envoy's workers.
    } while (primary.requests.length > 0);
    await own.stop();
  });
});
