/** Models by other names, through a real Envoy: of a request only the name changes, and the answer has the client's. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type AnsweringPods, startAnsweringPods } from "../support/answering-pods.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, type EnvoyMode, requestModes, responseModes } from "../support/envoy-modes.ts";
import { ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { recordedAnswers } from "../support/recorded-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

/** The recordings call their model this. */
const TARGET = "tiny";
const ALIAS = 'notre "modèle"/1';

const writing = ["buffered", "buffered-partial", "streamed-early", "duplex", "duplex-both"];
const hiding = ["none", "streamed"];
const showing = ["response-streamed", "response-buffered", "response-duplex", "duplex-both"];
const flowing = showing.filter((name) => name !== "response-buffered");
const modes: readonly EnvoyMode[] = [
  ...requestModes,
  ...responseModes.filter(({ name }) => showing.includes(name) || name === "response-headers"),
];

const bodyOf = (model: string, bytes: number, spelt = JSON.stringify(model)) =>
  `{"messages":[{"role":"user","content":"${"Say it again. ".repeat(bytes / 14)}"}],\n "model" : ${spelt} , "n":1e0}`;

const answers = ["chat", "completion", "responses", "messages"];
const streams = ["chat-stream-usage", "completion-stream", "responses-stream", "messages-stream"];
const answerNamed = (name: string) => recordedAnswers.find((answer) => answer.name === name)!;
/** What the client is to read: every name of the target in the recordings stands at a known place. */
const renamed = (name: string) =>
  answerNamed(name)
    .body.toString()
    .replaceAll(/("model":\s*)"tiny"/g, (_all, key) => key + JSON.stringify(ALIAS));

function writeConfig(config: object): string {
  const path = join(mkdtempSync(join(tmpdir(), "pointsman-rewrite-")), "pools.yaml");
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, rewritten models`, () => {
  let echoes: EchoPods;
  let pods: AnsweringPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    echoes = await startEchoPods(1);
    pods = await startAnsweringPods(1, recordedAnswers);
    const config = {
      rewrites: [{ models: ALIAS, to: TARGET }],
      pools: [
        { name: "echo", pods: { static: echoes.addresses }, unknownModel: "pass" },
        { name: "answers", pods: { static: pods.addresses }, unknownModel: "pass" },
      ],
    };
    picker = await startPicker([`--config-file=${writeConfig(config)}`, "--answer-deadline=190ms"]);
    const around = { pickers: [picker.address], pods: [...echoes.addresses, ...pods.addresses] };
    envoy = await testEnvoy!.start({ config: configOfModes(modes, around) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await echoes?.close();
    pods?.close();
  });

  const path = "/v1/chat/completions";
  const type = { "content-type": "application/json" };

  async function echo(mode: string, framing: Framing, body: string) {
    const headers = { ...type, "x-pointsman-pool": "echo" };
    return echoOf(await ask({ port: envoy.ports.get(mode)!, framing, path, body: Buffer.from(body), headers }));
  }

  async function get(mode: string, answer: string, headers: Record<string, string> = {}) {
    const received = await ask({
      ...{ port: envoy.ports.get(mode)!, framing: "h1 content-length", path, body: Buffer.from(bodyOf(ALIAS, 100)) },
      headers: { ...type, "x-pointsman-pool": "answers", "x-answer": answer, ...headers },
    });
    expect(received.status).toBe(200);
    return received;
  }

  test("the picker says at its start that it needs the answers", () => {
    expect(picker.log.find(({ responseBodyMode }) => responseBodyMode !== undefined)).toMatchObject({
      responseBodyMode: "STREAMED",
      msg: expect.stringContaining("rewritten models get their names back"),
    });
  });

  describe.each(writing)("%s", (mode) => {
    test.each(framings)("changes the model's bytes and no other, %s", async (framing) => {
      for (const bytes of [10, 5_000, 150_000]) {
        // The name has quotes and escapes on the way in; the target is shorter.
        const spelt = JSON.stringify(ALIAS).replace("è", "\\u00e8");
        const { sha256: hash, bytes: length, headers } = await echo(mode, framing, bodyOf(ALIAS, bytes, spelt));
        const wanted = bodyOf(TARGET, bytes);
        expect({ hash, length }).toEqual({ hash: sha256(wanted), length: wanted.length });
        if (headers["content-length"] !== undefined) expect(headers["content-length"]).toBe(String(wanted.length));
      }
    });

    test("leaves a request for another model as it is", async () => {
      const body = bodyOf("other", 1_000);
      expect((await echo(mode, "h1 content-length", body)).sha256).toBe(sha256(body));
    });
  });

  test.each(hiding)("%s hides the body until the pick: it goes on with its own name", async (mode) => {
    const body = bodyOf(ALIAS, 1_000);
    expect((await echo(mode, "h1 content-length", body)).sha256).toBe(sha256(body));
  });

  describe.each(showing)("%s", (mode) => {
    test.each([...answers, ...streams])(
      "gives back the client's name in %s, whatever length the pod said",
      async (name) => {
        for (const headers of [{}, { "x-length": "1" }]) {
          const received = await get(mode, name, headers);
          expect(received.body.toString()).toBe(renamed(name));
          const length = received.headers["content-length"];
          if (length !== undefined) expect(Number(length)).toBe(received.body.length);
        }
      },
    );

    test("leaves a compressed answer alone", async () => {
      const { body } = await get(mode, "chat", { "x-gzip": "1" });
      expect(body.subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b));
    });
  });

  test.each(flowing)("%s gives it back in pieces of a byte or a few, as they come", async (mode) => {
    for (const [name, piece] of [
      ["chat-stream-usage", 7],
      ["messages-stream", 3],
      ["chat", 1],
    ] as const) {
      const { body } = await get(mode, name, { "x-piece": String(piece) });
      expect(body.toString()).toBe(renamed(name));
    }
  });

  test("nothing failed, all is counted, and no request stays open", async () => {
    const stats = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|timeouts|rejected|failure_mode)");
    expect(stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
    await picker.metricBecomes("pointsman_streams_open", 0);
    await picker.metricBecomes("pointsman_buffered_bytes", 0);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
    const labels = { rule: "config", target: TARGET, outcome: "written" };
    expect(await picker.metric("pointsman_model_rewrites_total", labels)).toBeGreaterThan(writing.length * 18);
    const restored = await picker.metric("pointsman_model_names_total", { outcome: "restored" });
    expect(restored).toBeGreaterThanOrEqual(showing.length * 16);
    expect(await picker.metric("pointsman_model_names_total", { outcome: "encoded" })).toBe(showing.length);
  });
});
