/** deploy/backends as it is shipped: every Envoy takes it, and it does what it says there with no more than addresses changed. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";
import { backendsAt, chatBody, failoverFile, failoverPlaces, keys, startBackendsRig } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { partsOf } from "../support/config-parts.ts";
import { type Answer, type Ask, ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";
import { startTlsFront, type TlsFront } from "../support/tls-front.ts";
import { answers, type Serve, WiredBackend } from "../support/wired-backend.ts";

const run = promisify(execFile);
const found = (await Promise.all(["1.36.4", "1.37.0", "1.38.3", undefined].map(findTestEnvoy))).filter(
  (envoy): envoy is TestEnvoy => envoy !== undefined,
);
const newest = await findTestEnvoy();
const folder = mkdtempSync(join(tmpdir(), "pointsman-shipped-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tlsContext = [
  ...[...failoverPlaces.cluster, "transport_socket_matches", "tls", "transport_socket", "typed_config"],
  ...["common_tls_context", "validation_context", "trusted_ca", "filename"],
];
/** Envoy reads the file of authorities when it reads its config. */
const trusting = (file: string): Edit => ({ op: "set", at: tlsContext, to: file });

describe.each(found)("Envoy $version", ({ binary, version }) => {
  test.each([
    { file: "failover.yaml", edits: [] },
    ...["token-limit.yaml", "local-token-limit.yaml"].map((file) => ({ file, edits: partsOf(file) })),
  ])("accepts failover.yaml, with $file", async ({ file, edits }) => {
    const authorities = join(folder, "authorities.pem");
    writeFileSync(authorities, selfSigned("authority", new Date()).certificate);
    const path = join(folder, `${version}-${file}.json`);
    const rendered = renderEnvoyConfig(failoverFile, [trusting(authorities), ...edits]);
    writeFileSync(path, JSON.stringify(rendered));
    const { stdout, stderr } = await run(binary, ["--mode", "validate", "-c", path, "-l", "warning"]);
    expect(`${stdout}${stderr}`).not.toMatch(/deprecated|unknown/i);
    expect(stdout).toContain("OK");
  });
});

/** 1.36 ends with the first answer that is tried again: doctor/second-phase.test.ts shows it. */
const enduring = found.filter(({ version }) => !version.startsWith("1.36."));

describe.each(enduring)("Envoy $version with failover.yaml", ({ version }) => {
  test("goes on to the fallback, and counts of which phase it was", async () => {
    const rig = await startBackendsRig({ version });
    rig.does("primary", answers(500));
    expect(await rig.served()).toBe("primary fallback");
    const stats = await rig.envoy.admin("/stats?filter=ext_proc.*streams_started");
    await rig.stop();
    expect(stats).toMatch(/^cluster\.backends.*ext_proc\.attempt\.streams_started: 2$/m);
    expect(stats).toMatch(/^http\.requests\.ext_proc\.route\.streams_started: 1$/m);
  });
});

const PROVIDER = "api.anthropic.com";
/** Anthropic's own form. */
const says: Serve = ({ body }, response) => {
  const { model } = JSON.parse(body.toString()) as { model: string };
  response.setHeader("content-type", "application/json");
  const content = [{ type: "text", text: "Hello from afar." }];
  const usage = { input_tokens: 20, output_tokens: 5 };
  const ended = { stop_reason: "end_turn", stop_sequence: null };
  response.end(JSON.stringify({ id: "msg_1", type: "message", role: "assistant", model, content, ...ended, usage }));
};

describe.skipIf(newest === undefined)("failover.yaml with backends.yaml", () => {
  const primary = new WiredBackend("primary", completes());
  const provider = new WiredBackend("fallback", says);
  let picker: PickerProcess;
  let front: TlsFront;
  let impostor: TlsFront;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    await Promise.all([primary.listen(), provider.listen()]);
    front = await startTlsFront(PROVIDER, provider.port);
    impostor = await startTlsFront("example.com", provider.port);
    mkdirSync(join(folder, "keys"));
    for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder, "keys", name), key);
    const shipped = fileURLToPath(new URL("../../deploy/backends/backends.yaml", import.meta.url));
    writeFileSync(join(folder, "backends.yaml"), readFileSync(shipped));
    picker = await startPicker([`--config-file=${join(folder, "backends.yaml")}`]);
    envoy = await start(front);
  });

  afterAll(async () => {
    await envoy?.stop();
    await Promise.all([picker?.kill(), primary.close(), provider.close()]);
    front?.close();
    impostor?.close();
  });

  beforeEach(() => {
    for (const backend of [primary, provider]) backend.forget();
    primary.serve = completes();
  });

  async function start({ address, certificate }: TlsFront, edits: readonly Edit[] = []): Promise<RunningEnvoy> {
    const authorities = join(folder, `${address}.pem`);
    writeFileSync(authorities, certificate);
    const config = renderEnvoyConfig(failoverFile, [
      ...[listenOn(0), adminOn(0), pickersAt([picker.address]), trusting(authorities)],
      ...backendsAt([`127.0.0.1:${primary.port}`, address]),
      ...edits,
    ]);
    return newest!.start({ config });
  }

  const send = (question: Partial<Ask> = {}, through = envoy): Promise<Answer> =>
    ask({
      ...{ port: through.ports.get("requests") ?? 0, framing: "h1 content-length", path: "/v1/chat/completions" },
      body: chatBody(),
      ...question,
    });

  test("asks the primary, and where it fails the provider, in its own form and by its own name", async () => {
    expect((await send()).status).toBe(200);
    expect(JSON.parse(primary.only.body.toString()).model).toBe("meta-llama/Llama-3.1-8B-Instruct");
    primary.serve = answers(503);
    const headers = { "x-forwarded-for": "192.0.2.1", "user-agent": "the client's" };
    const { status, body } = await send({ headers });
    expect([status, JSON.parse(body.toString())]).toMatchObject([
      200,
      { object: "chat.completion", model: "chat", choices: [{ message: { content: "Hello from afar." } }] },
    ]);
    const { path, headers: seen, body: asked } = provider.only;
    expect([path, seen["host"], seen["x-api-key"]]).toEqual(["/v1/messages", PROVIDER, keys.fallback]);
    expect(JSON.parse(asked.toString())).toMatchObject({ model: "claude-sonnet-4-5", messages: [{ role: "user" }] });
    expect(provider.wire).not.toMatch(/forwarded|192\.0\.2\.1|x-request-id|x-envoy|x-ai-eg|primary/i);
    expect(front.askedFor).toEqual([PROVIDER]);
  });

  test("sends the provider's key to nobody whose certificate has another name", async () => {
    primary.serve = answers(503);
    const misled = await start(impostor);
    const { status } = await send({}, misled);
    const failed = await misled.admin("/stats?filter=backends.ssl.fail_verify_san");
    await misled.stop();
    expect([status, failed.trim(), provider.wire]).toEqual([503, expect.stringMatching(/: [1-9]\d*$/), ""]);
  });

  test("lists the models, and says which ones it has no route for", async () => {
    const port = envoy.ports.get("requests");
    const models = await fetch(`http://127.0.0.1:${port}/v1/models`);
    expect([models.headers.get("content-type"), await models.json()]).toMatchObject([
      "application/json",
      { object: "list", data: [{ id: "chat" }] },
    ]);
    const other = await send({ body: chatBody({ model: "other" }), headers: { "x-ai-eg-model": "chat" } });
    expect([other.status, JSON.parse(other.body.toString())]).toMatchObject([
      404,
      { error: { code: "model_not_found" } },
    ]);
    expect(primary.requests).toEqual([]);
  });

  /** As a control the same without the filter that takes these headers out. */
  test.each([
    { stripping: "with", status: 400, asked: 0 },
    { stripping: "without", status: 200, asked: 1 },
  ])("$stripping header_mutation a client of the own network that names its retries gets $status", async (how) => {
    const hcm = failoverPlaces.hcm;
    const ranges = [{ address_prefix: "10.0.0.0", prefix_len: 8 }];
    const edits: Edit[] = [{ op: "add", at: [...hcm, "internal_address_config"], to: { cidr_ranges: ranges } }];
    if (how.stripping === "without")
      edits.push({ op: "remove", at: [...hcm, "http_filters", "envoy.filters.http.header_mutation"] });
    const own = await start(front, edits);
    primary.serve = answers(400);
    const retries = { "x-envoy-retry-on": "retriable-status-codes", "x-envoy-retriable-status-codes": "400" };
    const { status } = await send({ headers: { "x-forwarded-for": "10.0.0.1", ...retries } }, own);
    await own.stop();
    expect([status, provider.requests.length]).toEqual([how.status, how.asked]);
  });

  test("answers 503 without a picker, and no backend is asked", async () => {
    const alone = await start(front, [pickersAt(["127.0.0.1:1"])]);
    const { status } = await send({}, alone);
    await alone.stop();
    expect([status, primary.requests.length, provider.requests.length]).toEqual([503, 0, 0]);
  });
});
