/** What answers tell of tokens reaches the metrics through a real Envoy, however it shows them, and no byte is changed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type AnsweringPods, startAnsweringPods } from "../support/answering-pods.ts";
import { sha256 } from "../support/echo-backend.ts";
import { configOfModes, type EnvoyMode, requestModes, responseModes } from "../support/envoy-modes.ts";
import { ask } from "../support/http-framings.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { type KnownAnswer, noUsage, recordedAnswers } from "../support/recorded-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

const streamed = responseModes.find(({ name }) => name === "response-streamed")!;
const partial: EnvoyMode = {
  ...streamed,
  name: "response-buffered-partial",
  edits: streamed.edits.map((edit) =>
    "to" in edit && edit.to === "STREAMED" ? { ...edit, to: "BUFFERED_PARTIAL" } : edit,
  ),
};
/** The last of the request modes is duplex in both directions. */
const modes = [...responseModes, partial, ...requestModes.slice(-1)];
const hidden = ["response-off", "response-headers"];
const showing = modes.map(({ name }) => name).filter((name) => !hidden.includes(name));
/** Modes that pass an answer on as it comes. */
const flowing = ["response-streamed", "response-duplex", "duplex-both"];

const told = recordedAnswers.filter(({ usage }) => usage !== noUsage);
const answerNamed = (name: string) => recordedAnswers.find((answer) => answer.name === name)!;
const SILENT = answerNamed("chat-stream-no-usage");
const STREAM = answerNamed("chat-stream-usage");

const names = {
  prompt: "pointsman_prompt_tokens_total",
  cached: "pointsman_cached_tokens_total",
  completion: "pointsman_completion_tokens_total",
  unread: "pointsman_usage_unread_total",
  ttft: "pointsman_ttft_seconds_count",
  tpot: "pointsman_tpot_seconds_count",
} as const;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, usage`, () => {
  let pods: AnsweringPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startAnsweringPods(2, recordedAnswers);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
    envoy = await testEnvoy!.start({
      config: configOfModes(modes, { pickers: [picker.address], pods: pods.addresses }),
    });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    pods?.close();
  });

  /** The answer's bytes must be those of the pod, whatever is asked for in `headers`. */
  async function get(mode: string, answer: KnownAnswer, headers: Record<string, string> = {}, status = 200) {
    const port = envoy.ports.get(mode)!;
    const request = { "x-answer": answer.name, "content-type": "application/json", ...headers };
    const body = Buffer.from(chatBody(1));
    const received = await ask({
      port,
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body,
      headers: request,
      onReceived: (bytes) => pods.received(String(headers["x-in-step"]), bytes),
    });
    expect(received.status).toBe(status);
    return received.body;
  }

  const readAll = async () =>
    Object.fromEntries(
      await Promise.all(Object.entries(names).map(async ([key, name]) => [key, await picker.metric(name)])),
    ) as Record<keyof typeof names, number>;

  /** Every stream that tells something has ended once none is open. */
  const settled = () => picker.metricBecomes("pointsman_streams_open", 0);

  describe.each(showing)("%s", (mode) => {
    test("counts the usage of every recorded answer, and passes it on unchanged", async () => {
      const before = await readAll();
      for (const answer of told) expect(sha256(await get(mode, answer))).toBe(sha256(answer.body));
      await settled();
      const after = await readAll();
      const sum = (of: "promptTokens" | "cachedTokens" | "completionTokens") =>
        told.reduce((total, { usage }) => total + usage[of], 0);
      expect(after.prompt - before.prompt).toBe(sum("promptTokens"));
      expect(after.cached - before.cached).toBe(sum("cachedTokens"));
      expect(after.completion - before.completion).toBe(sum("completionTokens"));
      expect(after.unread).toBe(before.unread);
    });

    test.each([1, 7])("counts an event stream that is cut every %i bytes", async (piece) => {
      const before = await readAll();
      const messages = await picker.metric("pointsman_messages_total", { kind: "response_body" });
      const flows = flowing.includes(mode);
      const pieces = { "x-piece": String(piece), ...(flows && { "x-in-step": `${mode} ${piece}` }) };
      expect(sha256(await get(mode, STREAM, pieces))).toBe(sha256(STREAM.body));
      await settled();
      const after = await readAll();
      expect(after.prompt - before.prompt).toBe(STREAM.usage.promptTokens);
      expect(after.cached - before.cached).toBe(STREAM.usage.cachedTokens);
      expect(after.completion - before.completion).toBe(STREAM.usage.completionTokens);
      const shown = (await picker.metric("pointsman_messages_total", { kind: "response_body" })) - messages;
      if (!flows) expect([shown, after.ttft - before.ttft]).toEqual([1, 0]);
      else {
        expect(shown).toBeGreaterThanOrEqual(STREAM.body.length / piece);
        expect([after.ttft - before.ttft, after.tpot - before.tpot]).toEqual([1, 1]);
      }
    });

    test("says of a compressed answer and of one without usage why they count for nothing", async () => {
      const before = await readAll();
      const encoded = await picker.metric(names.unread, { why: "encoded" });
      const absent = await picker.metric(names.unread, { why: "absent" });
      await get(mode, STREAM, { "x-gzip": "1" });
      expect(sha256(await get(mode, SILENT))).toBe(sha256(SILENT.body));
      await settled();
      expect(await picker.metric(names.unread, { why: "encoded" })).toBe(encoded + 1);
      expect(await picker.metric(names.unread, { why: "absent" })).toBe(absent + 1);
      expect((await readAll()).prompt).toBe(before.prompt);
    });

    test("does not count an error, which costs no tokens", async () => {
      const before = await readAll();
      expect(sha256(await get(mode, STREAM, { "x-status": "400" }, 400))).toBe(sha256(STREAM.body));
      await settled();
      expect(await readAll()).toEqual(before);
    });
  });

  test.each(hidden)("%s: an answer that is not shown counts for nothing", async (mode) => {
    const before = await readAll();
    expect(sha256(await get(mode, STREAM, { "x-piece": "100" }))).toBe(sha256(STREAM.body));
    await settled();
    expect(await readAll()).toEqual(before);
  });

  test("the picker said at its start what it wants of answers, and once why it could not read some", async () => {
    expect(picker.log).toContainEqual(
      expect.objectContaining({
        responseHeaderMode: "SEND",
        responseBodyMode: "NONE",
        msg: expect.stringContaining("nothing here reads the bodies of answers"),
      }),
    );
    const reasons = picker.log.flatMap(({ msg, why }) => (String(msg).includes("told no usage") ? [why] : []));
    expect(reasons.toSorted()).toEqual(["absent", "encoded"]);
  });

  test("Envoy found every reply in place, and the picker had no fault", async () => {
    const stats = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|timeouts|rejected|failure_mode)");
    expect(stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
  });
});
