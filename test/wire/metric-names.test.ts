/** A picker scraped as the Go picker is: the families that its dashboards ask for are there, and count what happens. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { familiesOf, goFamilyList } from "../support/exposition.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker, sumOf } from "../support/picker-process.ts";

const answer = '{"choices":[{"text":"a"}],"usage":{"prompt_tokens":30,"completion_tokens":4}}';

/** A request with its answer, as Envoy shows them in streamed modes. */
async function exchange(client: ExtProcClient, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const stream = client.process();
  const mode = "FULL_DUPLEX_STREAMED";
  stream.send(envoy.requestHeaders({ mode, responseMode: mode, headers }));
  stream.send(envoy.requestBody(envoy.chatBody("hello")));
  await stream.reply();
  await stream.reply();
  const answerHeaders = headerMap({ ":status": "200", "content-type": "application/json" });
  stream.send({ response_headers: { headers: answerHeaders, end_of_stream: false } });
  await stream.reply();
  stream.send(envoy.responseBody(answer, true));
  await stream.reply();
  stream.halfClose();
  await stream.ended;
}

describe.each(["both", "go", "pointsman"])("a picker with --metric-names %s", (names) => {
  let pods: FakePod[];
  let picker: PickerProcess;
  let client: ExtProcClient;
  const hasGo = names !== "pointsman";

  beforeAll(async () => {
    pods = await startFakePods(2);
    const list = pods.map(({ address }, i) => `pod-${i}=${address}`).join(",");
    picker = await startPicker([`--pods=${list}`, `--metric-names=${names}`]);
    client = connectExtProc({ address: picker.address });
    await client.ready(20_000);
    // Until both pods' readings are known: what is not is absent.
    for (const i of [0, 1]) while (hasGo && !(await picker.page()).includes(`endpoint="pod-${i}"`)) await delay(10);
    for (let i = 0; i < 3; i++) await exchange(client);
    await exchange(client, { "x-llm-d-inference-fairness-id": "tenant" });
  });
  afterAll(async () => {
    client?.close();
    await picker?.kill();
    for (const pod of pods ?? []) pod.close();
  });

  test("has the families of the list, all of them or none", async () => {
    const found = familiesOf(await picker.page());
    const listed = goFamilyList().map(({ name }) => name);
    const theirs = [...found.keys()].filter((name) => /^(llm_d_|inference_)/.test(name));
    expect(theirs.sort()).toEqual(hasGo ? listed.sort() : []);
    expect([...found.keys()].some((name) => name.startsWith("pointsman_"))).toBe(names !== "go");
    expect(found.has("process_cpu_seconds_total")).toBe(true);
  });

  // With our own names alone there is nothing more to look at.
  if (!hasGo) return;

  test("has kinds, labels and bounds as listed, of all that has samples by now", async () => {
    const found = familiesOf(await picker.page());
    const sampled = goFamilyList().filter(({ name }) => (found.get(name)?.lines.length ?? 0) > 0);
    for (const expected of sampled) {
      const { lines: _, ...family } = found.get(expected.name)!;
      expect(family).toEqual(expected);
    }
    const silent = goFamilyList().filter(({ name }) => found.get(name)?.lines.length === 0);
    // Nothing went wrong, nothing was renamed, and no answer was streamed.
    expect(silent.map(({ name }) => name).filter((name) => name.startsWith("llm_d_epp_"))).toEqual([
      "llm_d_epp_request_error_total",
      "llm_d_epp_request_cached_tokens",
      "llm_d_epp_request_streaming_tpot_seconds",
      "llm_d_epp_request_streaming_itl_seconds",
      "llm_d_epp_model_rewrite_decisions_total",
    ]);
  });

  test("has counted the requests by tenant, their tokens and the pods they went to", async () => {
    const page = await picker.page();
    expect(sumOf(page, "llm_d_epp_request_total", { model_name: "m", fairness_id: "default-flow" })).toBe(3);
    expect(sumOf(page, "llm_d_epp_request_total", { fairness_id: "tenant", priority: "0" })).toBe(1);
    expect(sumOf(page, "inference_objective_request_total", { model_name: "m", target_model_name: "m" })).toBe(4);
    expect(sumOf(page, "llm_d_epp_request_input_tokens_sum")).toBe(120);
    expect(sumOf(page, "inference_objective_output_tokens_sum")).toBe(16);
    expect(sumOf(page, "llm_d_epp_response_size_bytes_sum")).toBe(4 * answer.length);
    expect(sumOf(page, "llm_d_epp_request_duration_seconds_count")).toBe(4);
    expect(sumOf(page, "llm_d_epp_scheduler_attempts_total", { status: "success" })).toBe(4);
    expect(sumOf(page, "inference_pool_ready_pods", { name: "default" })).toBe(2);
    expect(sumOf(page, "llm_d_epp_extproc_streams_total", { code: "OK" })).toBe(4);
    expect(sumOf(page, "llm_d_epp_request_running")).toBe(0);
    expect(sumOf(page, "llm_d_epp_inflight_requests")).toBe(0);
  });
});
