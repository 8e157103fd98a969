import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  adminOn,
  type Edit,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { EnvoyExit, RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";

const run = promisify(execFile);
const MIB = 1024 * 1024;
/** jwt.yaml needs a file of keys, and is validated where it gets one. */
const shipped = [
  "buffered.yaml",
  "duplex.yaml",
  "ext-authz.yaml",
  "round-robin.yaml",
  "shadow.yaml",
  "sidecar.yaml",
  "tracing.yaml",
];
/** They say in their first lines that they need Envoy 1.38. */
const since138 = ["override-host.yaml", "override-host-duplex.yaml"];
const withPicker = ["buffered.yaml", "duplex.yaml"];
const oldest = await findTestEnvoy("1.36.4");
const newest = await findTestEnvoy();
const found = [oldest, newest].filter((envoy): envoy is TestEnvoy => envoy !== undefined);

describe.each(found)("Envoy $version", ({ binary, version }) => {
  test.each(version === newest?.version ? [...shipped, ...since138] : shipped)("accepts %s as it is", async (file) => {
    const path = fileURLToPath(new URL(`../../deploy/envoy/${file}`, import.meta.url));
    const { stdout, stderr } = await run(binary, ["--mode", "validate", "-c", path, "-l", "warning"]);
    expect(`${stdout}${stderr}`).not.toMatch(/deprecated|unknown/i);
    expect(stdout).toContain("OK");
  });
});

describe.skipIf(newest === undefined)("startEnvoy", () => {
  const robin = () => renderEnvoyConfig("round-robin.yaml", [listenOn(0), adminOn(0)]);

  test("fails with Envoy's own words when the config is wrong", async () => {
    const started = newest!.start({ config: { ...robin(), bogus: 1 } });
    await expect(started).rejects.toThrow(/Envoy did not start: it ended with code 1\n.*'bogus'\) has unknown fields/s);
  });

  test("reports an end it did not order, with the log, and no end that it did", async () => {
    const exits: EnvoyExit[] = [];
    const { promise: killed, resolve } = Promise.withResolvers<void>();
    const onExit = (exit: EnvoyExit) => {
      exits.push(exit);
      resolve();
    };
    const envoys = await Promise.all([0, 1].map(() => newest!.start({ config: robin(), onExit })));
    await envoys[1]!.stop();
    process.kill(envoys[0]!.pid, "SIGKILL");
    await killed;
    // No harm in stopping what has ended.
    await envoys[0]!.stop();
    expect(exits).toEqual([{ code: null, signal: "SIGKILL", log: envoys[0]!.log }]);
  });
});

describe.skipIf(newest === undefined)("the shipped configs", () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  const framing = "h1 content-length";
  const path = "/v1/chat/completions";
  const portOf = (envoy: RunningEnvoy) => envoy.ports.get("requests")!;

  test("round-robin.yaml takes the pods in turn, and no client chooses one", async () => {
    const config = renderEnvoyConfig("round-robin.yaml", [listenOn(0), adminOn(0), podsAt(pods.addresses)]);
    const envoy = await newest!.start({ config });
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(echoOf(await ask({ port: portOf(envoy), framing, path, body: chatOfSize(89) })).pod);
    }
    await envoy.stop();
    expect(seen.toSorted()).toEqual([...pods.addresses, ...pods.addresses].toSorted());
    expect(seen[0]).toBe(seen[2]);
  });

  describe.each(withPicker)("%s", (file) => {
    let envoy: RunningEnvoy;

    beforeAll(async () => {
      const config = renderEnvoyConfig(file, [listenOn(0), adminOn(0), pickersAt([picker.address])]);
      envoy = await newest!.start({ config });
    });

    afterAll(() => envoy?.stop());

    test.each(["h1 chunked", "h2 content-length", "h2 no length"] as const)(
      "lets a body of the picker's limit pass as %s, and the picker refuse a larger one",
      async (asFramed) => {
        const most = chatOfSize(32 * MIB);
        const question = { port: portOf(envoy), framing: asFramed, path };
        expect(echoOf(await ask({ ...question, body: most })).bytes).toBe(most.length);
        const refused = await ask({ ...question, body: chatOfSize(32 * MIB + 1024) });
        expect(refused.status).toBe(413);
        expect(JSON.parse(refused.body.toString())).toMatchObject({ error: { code: "body_too_large" } });
      },
    );
  });

  test.each(withPicker)("%s fails closed without a picker: no client's header names a pod", async (file) => {
    const config = renderEnvoyConfig(file, [listenOn(0), adminOn(0), pickersAt(["127.0.0.1:1"])]);
    const envoy = await newest!.start({ config });
    const headers = { "x-gateway-destination-endpoint": pods.addresses[0]!, "target-pod": pods.addresses[0]! };
    const answer = await ask({ port: portOf(envoy), framing, path, body: chatOfSize(89), headers });
    await envoy.stop();
    expect(answer.status).toBe(503);
  });

  /** Shows that the header_mutation filter is what does it: as a control, the same without it. */
  test.each([
    { stripping: "with", status: 503 },
    { stripping: "without", status: 200 },
  ])("even failing open, $stripping the header stripped a client's choice of pod gives $status", async (how) => {
    const edits: Edit[] = [
      listenOn(0),
      adminOn(0),
      pickersAt(["127.0.0.1:1"]),
      { op: "set", at: [...places.extProc, "failure_mode_allow"], to: true },
    ];
    const strip = [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"];
    if (how.stripping === "without") edits.push({ op: "remove", at: strip });
    const envoy = await newest!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
    const headers = { "x-gateway-destination-endpoint": pods.addresses[0]! };
    const answer = await ask({ port: portOf(envoy), framing, path, body: chatOfSize(89), headers });
    await envoy.stop();
    expect(answer.status).toBe(how.status);
  });
});
