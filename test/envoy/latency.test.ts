/** How fast pods answer, seen by the picker through a real Envoy, decides where requests go once a scorer reads it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type AnsweringPods, startAnsweringPods } from "../support/answering-pods.ts";
import { configOfModes, responseModes } from "../support/envoy-modes.ts";
import { ask } from "../support/http-framings.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { recordedAnswers } from "../support/recorded-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

const modes = responseModes.filter(({ name }) =>
  ["response-streamed", "response-duplex", "response-headers"].includes(name),
);
/** So long the slow pod takes for its first token, and the other no time at all. */
const SLOW_MS = 400;
const SLOW = "1";

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, latency`, () => {
  const folder = mkdtempSync(join(tmpdir(), "latency-"));
  let pods: AnsweringPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    const file = join(folder, "picker.yaml");
    writeFileSync(file, "profiles: {default: {scorers: [latency]}}\n");
    pods = await startAnsweringPods(2, recordedAnswers, (pod) => (String(pod) === SLOW ? SLOW_MS : 0));
    picker = await startPicker(["--pods", pods.addresses.join(","), "--config-file", file]);
    envoy = await testEnvoy!.start({
      config: configOfModes(modes, { pickers: [picker.address], pods: pods.addresses }),
    });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    pods?.close();
    rmSync(folder, { recursive: true });
  });

  let asked = 0;

  /** Which pod answered a stream that comes piece by piece. */
  async function podOf(mode: string): Promise<string> {
    const inStep = String(++asked);
    const { status, headers } = await ask({
      port: envoy.ports.get(mode)!,
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body: Buffer.from(chatBody(1)),
      headers: {
        "x-answer": "chat-stream-usage",
        "x-piece": "250",
        "x-in-step": inStep,
        "content-type": "application/json",
      },
      onReceived: (bytes) => pods.received(inStep, bytes),
    });
    expect(status).toBe(200);
    await picker.metricBecomes("pointsman_streams_open", 0);
    return String(headers["x-pod"]);
  }

  const times = () =>
    Promise.all(pods.addresses.map((pod) => picker.metric("pointsman_pod_ttft_seconds", { pod }))) as Promise<
      [number, number]
    >;

  test("the picker says at its start what its scorer needs", () => {
    const sentence = expect.stringContaining("latency reads ttft and tpot");
    expect(picker.log).toContainEqual(expect.objectContaining({ responseBodyMode: "STREAMED", msg: sentence }));
  });

  test("where bodies are hidden the times stay unknown, and the picker says why", async () => {
    await podOf("response-headers");
    expect(await times()).toEqual([0, 0]);
    const warning = await picker.line(({ msg }) => String(msg).includes("response_body_mode hides it"));
    expect(warning).toMatchObject({ mode: "none" });
  });

  test("requests leave the slow pod as soon as both are known", async () => {
    const served = new Set<string>();
    for (let i = 0; served.size < 2; i++)
      served.add(await podOf(i % 2 === 0 ? "response-streamed" : "response-duplex"));
    const [fast, slow] = await times();
    expect(slow).toBeGreaterThanOrEqual(SLOW_MS / 1000);
    expect(fast).toBeGreaterThan(0);
    expect(fast).toBeLessThan(slow);
    const later: string[] = [];
    for (let i = 0; i < 10; i++) later.push(await podOf("response-streamed"));
    expect(later).not.toContain(SLOW);
  });
});
