/** shadow.yaml: the picker watches, the pods take turns; what it would have done stands beside what was done. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  adminOn,
  type Edit,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { chatBody, Load } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { TimedLoad } from "../support/timed-load.ts";

const testEnvoy = await findTestEnvoy();
const ANSWERS = "pointsman_shadow_answers_total";
const PICKED = "pointsman_pod_shadow_picks_total";
const SERVED = "pointsman_pod_shadow_served_total";
const REQUESTS = 50;

describe.skipIf(testEnvoy === undefined)("shadow.yaml", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy | undefined;

  beforeEach(async () => {
    pods = await startEchoPods(3);
  });

  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    await picker?.kill();
    await pods.close();
  });

  const watch = async (known: readonly string[], edits: readonly Edit[] = []) => {
    picker = await startPicker(["--pods", known.join(",")]);
    const all = [listenOn(0), adminOn(0), pickersAt([picker.address]), podsAt(pods.addresses), ...edits];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("shadow.yaml", all) });
    return envoy;
  };
  const send = async ({ ports }: RunningEnvoy, requests = REQUESTS) => {
    const load = new TimedLoad({ port: ports.get("requests")!, body: chatBody(1), headers: {}, patienceMs: 15_000 });
    await load.send(100, requests * 10);
    const timed = await load.settled();
    expect([...new Set(timed.map(({ outcome }) => outcome))]).toEqual(["200"]);
    return timed;
  };
  const compared = async (pick: string) => picker.metric(ANSWERS, { pick });

  test("sets every would-be pick beside the pod that served", async () => {
    const timed = await send(await watch(pods.addresses));
    await picker.metricBecomes(ANSWERS, REQUESTS);
    expect((await compared("same")) + (await compared("other"))).toBe(REQUESTS);
    for (const address of pods.addresses) {
      const served = timed.filter(({ pod }) => pod === address).length;
      expect(served).toBeGreaterThan(0);
      expect(await picker.metric(SERVED, { address })).toBe(served);
    }
    expect(await picker.metric(PICKED)).toBe(REQUESTS);
    // Nothing of it counts as a pick.
    expect(await picker.metric("pointsman_picks_total")).toBe(0);
    expect(await picker.metric("pointsman_in_flight")).toBe(0);
  });

  test("tells a pod that the picker does not know from one that it does", async () => {
    const [first = ""] = pods.addresses;
    const timed = await send(await watch([first]));
    await picker.metricBecomes(ANSWERS, REQUESTS);
    const known = timed.filter(({ pod }) => pod === first).length;
    expect([await compared("same"), await compared("foreign")]).toEqual([known, REQUESTS - known]);
  });

  test("learns the prompt for the pod that served, so that the next would-be pick is that one", async () => {
    const [, second = ""] = pods.addresses;
    const running = await watch(pods.addresses, [podsAt([second])]);
    await send(running, 1);
    await picker.metricBecomes(ANSWERS, 1);
    const before = await compared("same");
    await send(running, REQUESTS);
    await picker.metricBecomes(ANSWERS, REQUESTS + 1);
    // By lot it would be one of three.
    expect((await compared("same")) - before).toBe(REQUESTS);
    await picker.metricBecomes("pointsman_prefix_index_pinned", 0);
  });

  test.each([
    ["the stream's", "NONE"],
    ["the body's", "STREAMED"],
  ])("counts a streamed answer on the pod that serves it until %s end", async (_, mode) => {
    const body: Edit = { op: "set", at: [...places.extProc, "processing_mode", "response_body_mode"], to: mode };
    const [, second = ""] = pods.addresses;
    const { ports } = await watch(pods.addresses, [podsAt([second]), body]);
    const headers = { "x-echo-sse": "10/100" };
    const load = new Load({ port: ports.get("requests")!, body: chatBody(1), headers });
    const answer = load.one();
    await picker.metricBecomes("pointsman_pod_in_flight", 1, { address: second });
    await answer;
    load.stop();
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    // Its end was seen, not guessed.
    await picker.metricBecomes("pointsman_tickets_total", 1, { source: "stream" });
  });

  test("says so where it is not told who served", async () => {
    const hidden: Edit = { op: "set", at: [...places.extProc, "processing_mode", "response_header_mode"], to: "SKIP" };
    await send(await watch(pods.addresses, [hidden]), 5);
    await picker.metricBecomes(ANSWERS, 5, { pick: "unseen" });
    await picker.line((line) => String(line["msg"]).includes("upstream.address"));
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)("is noticed by nobody when the picker gets %s", async (signal) => {
    const running = await watch(pods.addresses);
    await send(running);
    picker.signal(signal);
    const timed = await send(running, 300);
    expect(Math.max(...timed.map(({ sentAtMs, endedAtMs }) => endedAtMs - sentAtMs))).toBeLessThan(2_000);
  });
});
