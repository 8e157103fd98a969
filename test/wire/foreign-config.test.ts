/** A configuration and flags of the Go picker, as they are: the same picks by the same weights, and nothing else asked for. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { PickerProcess, startPicker } from "../support/picker-process.ts";

const folder = mkdtempSync(join(tmpdir(), "foreign-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A pod whose page says what the test wants. */
class PagePod {
  waiting = 0;
  kvUsage = 0;
  /** Another name for the queue, where the page has one. */
  queueName = "vllm:num_requests_waiting";
  readonly #server = http.createServer((_request, response) => {
    response.end(
      `${this.queueName} ${this.waiting}\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc ${this.kvUsage}\n`,
    );
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function writeEndpoints(path: string, pods: Readonly<Record<string, PagePod>>): void {
  const lines = Object.entries(pods).map(
    ([name, { port }]) => `- {name: ${name}, address: 127.0.0.1, port: "${port}"}`,
  );
  writeFileSync(`${path}.new`, `endpoints:\n${lines.join("\n")}\n`);
  renameSync(`${path}.new`, path);
}

const configText = (endpoints: string) => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {name: file-discovery, type: file-discovery, parameters: {path: ${endpoints}, watchFile: true}}
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: max-score-picker
- type: single-profile-handler
- {type: metrics-data-source, parameters: {scheme: http, path: /metrics}}
- type: core-metrics-extractor
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: max-score-picker}
dataLayer:
  discovery: {pluginRef: file-discovery}
  sources:
  - pluginRef: metrics-data-source
    extractors: [{pluginRef: core-metrics-extractor}]
`;

/** The port of what only we have cannot be among their flags. */
const environment = { POINTSMAN_ADMIN_PORT: "0" };
const free = "--grpc-port 0 --grpc-health-port 0 --metrics-port 0".split(" ");

async function pickFor(client: ExtProcClient, prompt: string): Promise<string | undefined> {
  const stream = client.process();
  stream.send(envoy.requestHeaders({ contentLength: 99 }));
  await stream.reply();
  stream.send(envoy.requestBody(envoy.chatBody(prompt)));
  const answer = await stream.reply();
  stream.halfClose();
  await stream.ended;
  return answer && mutatedHeaders(answer).get("x-gateway-destination-endpoint");
}

describe("a picker with the Go picker's configuration and flags", () => {
  let one: PagePod;
  let two: PagePod;
  let picker: PickerProcess;
  let client: ExtProcClient;
  const endpoints = join(folder, "endpoints.yaml");

  beforeAll(async () => {
    one = await new PagePod().start();
    two = await new PagePod().start();
    writeEndpoints(endpoints, { "pod-1": one, "pod-2": two });
    writeFileSync(join(folder, "epp.yaml"), configText(endpoints));
    const flags = ["--config-file", join(folder, "epp.yaml"), "--pool-name", "bench", "--pool-namespace", "bench"];
    const off = ["--secure-serving=false", "--tracing=false", "--metrics-endpoint-auth=false"];
    picker = await new PickerProcess([...flags, ...free, ...off], environment).ready();
    client = connectExtProc({ address: picker.address });
    await client.ready(20_000);
  });
  afterAll(async () => {
    client?.close();
    await picker?.kill();
    for (const pod of [one, two]) pod?.close();
  });

  /** Until the picker knows what both pages say. */
  async function told(pods: readonly (readonly [waiting: number, kvUsage: number])[]): Promise<void> {
    for (const [i, pod] of [one, two].entries()) {
      [pod.waiting, pod.kvUsage] = pods[i] ?? [0, 0];
    }
    for (const [i, pod] of [one, two].entries()) {
      await picker.metricBecomes("pointsman_pod_waiting", pod.waiting, { pod: `pod-${i + 1}` });
      await picker.metricBecomes("pointsman_pod_kv_usage", pod.kvUsage, { pod: `pod-${i + 1}` });
    }
  }

  test("names the pool and its pods, and warns of nothing", async () => {
    expect(await picker.metric("pointsman_pool_pods", { pool: "bench" })).toBe(2);
    expect(picker.log.filter(({ about }) => about !== undefined)).toEqual([]);
    expect(await picker.readiness()).toMatch(/^picking from 2 pods/);
  });

  test("weighs the queue with 2 and the KV cache with 2", async () => {
    // 2 * 1 for the empty queue against 2 * (0.99 - 0) for the cache.
    await told([
      [0, 0.99],
      [9, 0],
    ]);
    expect(await pickFor(client, "one")).toBe(one.address);
    await told([
      [9, 0],
      [0, 0.5],
    ]);
    expect(await pickFor(client, "two")).toBe(two.address);
    await told([
      [5, 0.25],
      [5, 0.2],
    ]);
    expect(await pickFor(client, "three")).toBe(two.address);
  });

  test("weighs the cached prefix with 3", async () => {
    const prompt = "0123456789abcdef".repeat(4096);
    await told([
      [0, 0],
      [9, 0.9],
    ]);
    expect(await pickFor(client, prompt)).toBe(one.address);
    // 2 for the queue and 0.9 for the cache are less than 3 for the prompt, and more than nothing.
    await told([
      [9, 0.45],
      [0, 0],
    ]);
    expect(await pickFor(client, prompt)).toBe(one.address);
    expect(await pickFor(client, "another prompt")).toBe(two.address);
    // 2 and 1.1 are more than 3.
    await told([
      [9, 0.55],
      [0, 0],
    ]);
    expect(await pickFor(client, prompt)).toBe(two.address);
  });

  test("follows the file of pods", async () => {
    writeEndpoints(endpoints, { "pod-2": two });
    await picker.metricBecomes("pointsman_pool_pods", 1, { pool: "bench" });
    for (let i = 0; i < 5; i++) expect(await pickFor(client, `${i}`)).toBe(two.address);
  });
});

test("a picker reads the queue by the name that a flag of the old pickers gives it", async () => {
  const pods = [await new PagePod().start(), await new PagePod().start()];
  for (const pod of pods) pod.queueName = 'our_queue{state="waiting"}';
  const [one, two] = pods as [PagePod, PagePod];
  one.waiting = 7;
  const list = `--pods=a=${one.address},b=${two.address}`;
  const named = ["--total-queued-requests-metric", "our_queue{state=waiting}", "--refresh-metrics-interval", "50ms"];
  const picker = await new PickerProcess([list, ...free, ...named], environment).ready();
  try {
    await picker.metricBecomes("pointsman_pod_waiting", 7, { pod: "a" });
    const lines = picker.log.filter(({ about }) => about !== undefined);
    expect(lines.map(({ about, msg }) => [about, msg])).toEqual([
      ["--total-queued-requests-metric", expect.stringMatching(/^deprecated: say queuedRequestsSpec /)],
    ]);
  } finally {
    await picker.kill();
    for (const pod of pods) pod.close();
  }
});

test("a picker whose EndpointPickerConfig asks for what is not done here does not start, and says all of it", async () => {
  const file = join(folder, "wrong.yaml");
  writeFileSync(
    file,
    `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
- type: latency-scorer
- {type: queue-scorer, parameters: {weight: 2}}
`,
  );
  const picker = new PickerProcess(["--config-file", file, "--pool-name", "p", ...free], environment);
  expect(await picker.exited).toBe(78);
  expect(picker.log.map(({ stderr }) => stderr)).toEqual([
    "pointsman: 3 wrong settings",
    expect.stringContaining(`${file}:3:16 featureGates[0]: expected flowControl=false`),
    expect.stringContaining(`${file}:5:9 plugins[0].type: expected a scorer that is done here; the nearest is latency`),
    expect.stringContaining(`${file}:6:37 plugins[1].parameters.weight: expected`),
  ]);
});

test("the example in the document runs as it stands", async () => {
  const text = readFileSync(new URL("../../deploy/compat/README.md", import.meta.url), "utf8");
  const [, args = ""] = /^npx pointsman serve (.*)$/m.exec(text) ?? [];
  const picker = await startPicker(args.split(" "));
  try {
    expect(await picker.metric("pointsman_pool_pods", { pool: "bench" })).toBe(2);
  } finally {
    await picker.kill();
  }
});

/** The version that a client speaks with the picker, or that it is refused. */
function tlsWith(port: number, maxVersion: tls.SecureVersion): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", port, maxVersion, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
    const socket = tls.connect(options, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.once("error", () => resolve("refused"));
  });
}

test("the oldest TLS is the one that a flag in Go's words says", async () => {
  const picker = await startPicker(["--pods=127.0.0.1:1", "--tls-min-version=VersionTLS13"]);
  try {
    expect(await tlsWith(picker.port, "TLSv1.2")).toBe("refused");
    expect(await tlsWith(picker.port, "TLSv1.3")).toBe("TLSv1.3");
  } finally {
    await picker.kill();
  }
});
