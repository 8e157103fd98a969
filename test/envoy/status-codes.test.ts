/** Every refusal of the table of replies, once, through Envoy: status, reason, and the body that client libraries read. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../../src/errors.ts";
import { goPickerReplies } from "../../src/ext-proc/go-picker-replies.ts";
import { type Answer, ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const BODY_LIMIT = 2048;

/** Writes the subset that Envoy allows from a header, so that a request can have none that is of use. */
const subsetFromHeader: Edit = {
  op: "add",
  at: [...places.hcm, "http_filters", 0],
  to: {
    name: "envoy.filters.http.header_to_metadata",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
      request_rules: [
        {
          header: "x-allow",
          on_header_present: {
            metadata_namespace: "envoy.lb.subset_hint",
            key: "x-gateway-destination-endpoint-subset",
            type: "STRING",
          },
        },
      ],
    },
  },
};

function writeConfig(pod: string): string {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-codes-"));
  writeFileSync(join(folder, "none.yaml"), "pods: []\n");
  const scorers = [{ use: "prefix-cache" }];
  const config = {
    pools: [
      { name: "open", pods: { static: [pod] }, profile: "open" },
      { name: "full", pods: { static: [pod] }, profile: "full" },
      { name: "labelled", pods: { static: [pod] }, profile: "labelled" },
      { name: "empty", pods: { file: join(folder, "none.yaml") }, profile: "open" },
    ],
    profiles: {
      open: { scorers },
      full: { scorers, filters: [{ use: "saturation", waitingLimit: 0, fallbackOnEmpty: false }] },
      labelled: { scorers, filters: [{ use: "label", requirements: ["role=decode"] }] },
    },
  };
  const file = join(folder, "picker.json");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

interface Question {
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

const chat = (model: string, content = "Hello") => JSON.stringify({ model, messages: [{ role: "user", content }] });
const inPool = (pool: string): Question => ({ headers: { "x-pointsman-pool": pool } });

/** What brings each refusal about; `overloaded` needs a picker that is busy, and has a test of its own. */
const questions: Readonly<Partial<Record<ErrorCode, Question>>> = {
  malformed_json: { body: '{"model": ' },
  model_missing: { body: '{"messages": []}' },
  model_too_long: { body: chat("m".repeat(600)) },
  body_too_large: { body: chat("m", "x".repeat(BODY_LIMIT)) },
  model_not_found: { body: chat("another") },
  pool_unknown: inPool("nowhere"),
  not_cached: { body: chat("m", "Never asked before. ".repeat(40)), headers: { prefer: "if-available" } },
  subset_empty: { headers: { "x-allow": "10.9.9.9" } },
  no_pods: inPool("empty"),
  no_pod_left: inPool("labelled"),
  saturated: inPool("full"),
};

describe.skipIf(testEnvoy === undefined)("the refusals", () => {
  let pod: FakePod;
  let picker: PickerProcess;
  let busy: PickerProcess;
  let envoys: RunningEnvoy[];

  beforeAll(async () => {
    pod = await startFakePod({ name: "the-pod", model: "m", speed: 20 });
    [picker, busy] = await Promise.all([
      startPicker([`--config-file=${writeConfig(pod.address)}`, `--body-limit=${BODY_LIMIT}`]),
      startPicker([`--pods=${pod.address}`, "--stream-limit=1"]),
    ]);
    await Promise.all([picker, busy].map((each) => each.line((line) => "models" in line)));
    envoys = await Promise.all(
      [picker, busy].map((each) => {
        const edits = [listenOn(0), adminOn(0), pickersAt([each.address]), subsetFromHeader];
        return testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
      }),
    );
  });

  afterAll(async () => {
    await Promise.all(envoys?.map((envoy) => envoy.stop()) ?? []);
    await Promise.all([picker, busy].map((each) => each?.kill()));
    await pod?.stop();
  });

  const send = ({ body = chat("m"), headers = {} }: Question, envoy = envoys[0]!, onReceived = (_: number) => {}) =>
    ask({
      port: envoy.ports.get("requests")!,
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body: Buffer.from(body),
      headers: { "content-type": "application/json", "x-pointsman-pool": "open", ...headers },
      onReceived,
    });

  function expectRefusal({ status, headers, body }: Answer, code: ErrorCode): void {
    const spec: ErrorCodeSpec = errorCodes[code];
    expect({ status, code: headers["x-pointsman-error"] }).toEqual({ status: spec.status, code });
    expect(headers["x-llm-d-request-dropped-reason"]).toBe(spec.dropped);
    expect(headers["retry-after"]).toBe(spec.retryAfterSeconds?.toString());
    const { error } = JSON.parse(body.toString()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code, type: spec.type });
    expect(error["message"]).toBeTypeOf("string");
  }

  test("are all tried here", () => {
    const told = new Set(goPickerReplies.flatMap(({ codes }) => codes));
    expect([...Object.keys(questions), "overloaded"].sort()).toEqual([...told].sort());
  });

  test.each(Object.entries(questions) as [ErrorCode, Question][])("%s", async (code, question) => {
    expectRefusal(await send(question), code);
  });

  test("not_cached is gone once the pod has had the prompt", async () => {
    const body = chat("m", "Asked twice. ".repeat(60));
    expect((await send({ body })).status).toBe(200);
    expect((await send({ body, headers: { prefer: "if-available" } })).status).toBe(200);
  });

  test("overloaded", async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const long = JSON.stringify({ ...JSON.parse(chat("m")), stream: true, max_tokens: 4000, ignore_eos: true });
    const headers = { "x-pointsman-pool": "default" };
    const first = send({ body: long, headers }, envoys[1], () => resolve());
    await begun;
    expectRefusal(await send({ headers }, envoys[1]), "overloaded");
    expect((await first).status).toBe(200);
  });
});
