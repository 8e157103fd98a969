/** Retries inside a pool: each attempt goes on to the next pod of the picker's list, where the cluster takes a list. */
import { mkdtempSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatOfSize } from "../support/chat-of-size.ts";
import { ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import {
  extProcFilter,
  grpcCluster,
  originalDstCluster,
  overrideCluster,
  poolGateway,
  poolModes,
} from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const destination = "x-gateway-destination-endpoint";
/** The attempt that a request is served by. */
const SERVED = 3;

interface Attempt {
  readonly pod: string;
  readonly list: string;
  readonly bytes: number;
}

/** Pods that are unavailable to the first attempts of every request, whichever of them is asked. */
class StubbornPods {
  readonly attempts = new Map<string, Attempt[]>();
  readonly addresses: string[] = [];
  readonly #servers: http.Server[] = [];

  async start(count: number): Promise<this> {
    for (let i = 0; i < count; i++) {
      const server = http.createServer((request, response) => this.#serve(request, response));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      this.addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
      this.#servers.push(server);
    }
    return this;
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (request.method !== "POST") {
      response.end("vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n");
      return;
    }
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      const id = String(request.headers["x-request-id"]);
      const pod = `127.0.0.1:${request.socket.localPort}`;
      const attempts = [...(this.attempts.get(id) ?? []), { pod, list: String(request.headers[destination]), bytes }];
      this.attempts.set(id, attempts);
      response.writeHead(attempts.length < SERVED ? 503 : 200, { "x-served-id": id }).end("{}");
    });
  }
}

function writeConfig(pods: readonly string[], endpoints: number): string {
  const file = join(mkdtempSync(join(tmpdir(), "pointsman-retries-")), "picker.json");
  const profile = { scorers: [{ use: "queue-depth" }], pick: { use: "best", endpoints } };
  const pools = [{ name: "only", pods: { static: pods }, profile: "listing" }];
  writeFileSync(file, JSON.stringify({ pools, profiles: { listing: profile } }));
  return file;
}

const byHeader = { header: destination };
const byMetadata = { metadata: { key: "envoy.lb", path: [{ key: destination }] } };

describe.skipIf(testEnvoy === undefined)("a retry inside a pool", () => {
  let pods: StubbornPods;
  let listing: PickerProcess;
  let single: PickerProcess;

  beforeAll(async () => {
    pods = await new StubbornPods().start(3);
    const start = (endpoints: number) => startPicker([`--config-file=${writeConfig(pods.addresses, endpoints)}`]);
    [listing, single] = await Promise.all([start(SERVED), start(1)]);
    for (const picker of [listing, single]) await picker.metricBecomes("pointsman_pool_usable_pods", 3);
  });
  afterAll(async () => {
    await Promise.all([listing?.kill(), single?.kill()]);
    pods?.close();
  });

  interface Asked {
    readonly status: number;
    readonly attempts: readonly Attempt[];
  }

  async function askThrough(cluster: object, picker: PickerProcess, mode: keyof typeof poolModes): Promise<Asked> {
    const namespaces = { receiving_namespaces: { untyped: ["envoy.lb"] } };
    const filter = { mode: poolModes[mode], metadata_options: namespaces };
    const retry = { retry_on: "5xx", num_retries: SERVED - 1, retry_back_off: { base_interval: "0.01s" } };
    const config = poolGateway({
      filters: [extProcFilter({ name: "envoy.filters.http.ext_proc", cluster: "picker", ...filter })],
      routes: [{ match: { prefix: "/" }, route: { cluster: "pool", timeout: "0s", retry_policy: retry } }],
      clusters: [cluster, grpcCluster("picker", picker.address, "tls")],
      removed: [destination],
    });
    const envoy = await testEnvoy!.start({ config });
    try {
      pods.attempts.clear();
      const port = envoy.ports.get("requests")!;
      const body = chatOfSize(300);
      const { status } = await ask({ port, framing: "h1 content-length", path: "/v1/chat/completions", body });
      const [attempts = [], ...others] = [...pods.attempts.values()];
      expect([others, attempts.map(({ bytes }) => bytes)]).toEqual([[], attempts.map(() => body.length)]);
      return { status, attempts };
    } finally {
      await envoy.stop();
    }
  }

  describe.each(["duplex", "buffered"] as const)("%s", (mode) => {
    test.each([
      { channel: "header", source: byHeader },
      { channel: "metadata", source: byMetadata },
    ])("goes down the list in the $channel, one pod an attempt, with the whole body each", async ({ source }) => {
      const cluster = overrideCluster("pool", pods.addresses, source);
      const { status, attempts } = await askThrough(cluster, listing, mode);
      const list = attempts[0]?.list.split(",") ?? [];
      expect([status, attempts.map(({ pod }) => pod)]).toEqual([200, list]);
      expect(list.toSorted()).toEqual(pods.addresses.toSorted());
    });

    test("asks the one pod again where the cluster takes one address", async () => {
      const { status, attempts } = await askThrough(originalDstCluster("pool"), single, mode);
      expect([status, new Set(attempts.map(({ pod }) => pod)).size, attempts.length]).toEqual([200, 1, SERVED]);
      expect(attempts[0]?.list).toBe(attempts[0]?.pod);
    });

    test("finds no pod where the cluster takes one address and is given a list", async () => {
      const { status, attempts } = await askThrough(originalDstCluster("pool"), listing, mode);
      expect([status, attempts]).toEqual([503, []]);
    });
  });
});
