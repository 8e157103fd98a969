/** What a pod's page tells of its cache is what the picker's mirror of it goes by, in a picker as users run it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { connectExtProc, type ExtProcClient, type ProcessStream } from "../../src/ext-proc/client.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";

const BLOCK_TOKENS = 64;
const BLOCKS = 40;
const BYTES_PER_BLOCK = BLOCK_TOKENS * 4;

let pod: FakePod;
let picker: PickerProcess;
let client: ExtProcClient;

beforeAll(async () => {
  pod = await startFakePod({
    model: "m",
    maxModelLen: 1024,
    engine: { blockTokens: BLOCK_TOKENS, kvTokens: BLOCK_TOKENS * BLOCKS },
  });
  picker = await startPicker([`--pods=${pod.address}`, "--refresh-metrics-interval=50ms"]);
  client = connectExtProc({ address: picker.address });
  await client.ready(20_000);
  await picker.metricBecomesAtLeast("pointsman_scrapes_total", 1);
});
afterAll(async () => {
  client?.close();
  await picker?.kill();
  await pod?.stop();
});

/** The stream of a request that is in flight. */
async function picked(prompt: string): Promise<ProcessStream> {
  const stream = client.process();
  stream.send(envoy.requestHeaders({ responseMode: "BUFFERED" }));
  await stream.reply();
  stream.send(envoy.requestBody(envoy.chatBody(prompt)));
  expect(await stream.reply()).toMatchObject({ response: "request_body" });
  return stream;
}

test("the prefix index cuts prompts as the pod does, and holds no more than it does", async () => {
  const short = await picked("x".repeat(10.5 * BYTES_PER_BLOCK));
  await picker.metricBecomes("pointsman_prefix_index_entries", 10);
  await picker.metricBecomes("pointsman_prefix_index_pinned", 10);
  const long = await picked("y".repeat(100 * BYTES_PER_BLOCK));
  await picker.metricBecomes("pointsman_prefix_index_entries", BLOCKS);
  await picker.metricBecomes("pointsman_prefix_index_pinned", BLOCKS);
  for (const stream of [short, long]) {
    stream.cancel();
    await stream.ended;
  }
  await picker.metricBecomes("pointsman_prefix_index_pinned", 0);
  expect(await picker.metric("pointsman_prefix_index_entries")).toBe(BLOCKS);
  expect(await picker.metric("pointsman_prefix_index_evictions_total")).toBe(0);
});

test("the prefix index forgets what a pod held that began anew", async () => {
  await picker.metricBecomes("pointsman_prefix_index_entries", BLOCKS);
  // Another process is known by counters that fell, so they must have been seen to rise.
  const body = envoy.chatBody("Hello");
  const headers = { "content-type": "application/json" };
  await (await fetch(`http://${pod.address}/v1/chat/completions`, { method: "POST", headers, body })).text();
  const scrapes = await picker.metric("pointsman_scrapes_total");
  await picker.metricBecomesAtLeast("pointsman_scrapes_total", scrapes + 2);
  await pod.kill();
  await pod.revive();
  await picker.metricBecomes("pointsman_prefix_index_entries", 0);
  const next = await picked("z".repeat(4.5 * BYTES_PER_BLOCK));
  await picker.metricBecomes("pointsman_prefix_index_entries", 4);
  next.halfClose();
  await next.ended;
  await picker.metricBecomes("pointsman_prefix_index_pinned", 0);
});
