/** KServe's scheduler replaced by its image: KServe's own arguments, an InferencePool of the old group, TLS on every link. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";
import { oldPool } from "../kube/pool-objects.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { applyPatches, patchesOf } from "../support/envoy-filter.ts";
import { type Answer, ask, type Framing, framings } from "../support/http-framings.ts";
import { istioGateway } from "../support/istio-gateway.ts";
import { kserveConfigText } from "../support/kserve-config.ts";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { PickerProcess } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const kube = await findTestKube();
const testEnvoy = await findTestEnvoy();
const isMissing = kube.isMissing || testEnvoy === undefined;
const labels = { app: "llm", "kserve.io/component": "workload" };
const hosts = ["127.0.0.2", "127.0.0.3"];
const small = chatOfSize(89);
const large = chatOfSize(1024 * 1024);
const destination = "x-gateway-destination-endpoint";
const authority = "llama-epp-service.n.svc.cluster.local";

test("the shipped LLMInferenceService changes nothing of the scheduler but image, liveness probe and time to end", () => {
  const file = new URL("../../deploy/gateways/kserve/llm-inference-service.yaml", import.meta.url);
  const { spec } = parse(readFileSync(file, "utf8")) as {
    spec: { router: { scheduler: { template: { containers: object[] } } } };
  };
  expect(spec.router.scheduler).toEqual({
    template: {
      terminationGracePeriodSeconds: 45,
      containers: [
        {
          name: "main",
          image: expect.stringContaining("pointsman"),
          // A name that is well while the picker is not ready (health.ts), on KServe's port.
          livenessProbe: { grpc: { port: 9003, service: "liveness" } },
        },
      ],
    },
  });
});

interface Seen {
  readonly pod: string;
  readonly bytes: number;
  readonly named: string | undefined;
}

/** A pod's engine as KServe starts it: HTTPS alone. */
async function startPod(host: string, port: number, tls: { cert: Buffer; key: Buffer }): Promise<https.Server> {
  const server = https.createServer(tls, (request, response) => serve(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return server;
}

function serve(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url === "/metrics") {
    response.end("vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n");
    return;
  }
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    const { localAddress, localPort } = request.socket;
    const named = request.headers[destination];
    response.end(JSON.stringify({ pod: `${localAddress}:${localPort}`, bytes, named }));
  });
}

describe.skipIf(isMissing)(`KServe's scheduler, with Envoy ${testEnvoy?.version}${kube.note}`, () => {
  let server: KubeServer;
  let folder: string;
  let picker: PickerProcess;
  let pods: https.Server[] = [];
  let addresses: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kserve-"));
    const { certificate: cert, key } = selfSigned("kserve", new Date());
    writeFileSync(join(folder, "tls.crt"), cert);
    writeFileSync(join(folder, "tls.key"), key);
    const first = await startPod(hosts[0]!, 0, { cert, key });
    const { port } = first.address() as AddressInfo;
    pods = [first, await startPod(hosts[1]!, port, { cert, key })];
    addresses = hosts.map((host) => `${host}:${port}`);
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool-v1alpha2");
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
    const namespace = new KubeNamespace(server.admin, "n");
    for (const host of hosts) await namespace.createPod(`pod-${host.at(-1)}`, { labels, readyAt: host });
    await namespace.create(oldPool("p", labels, port));
    picker = await new PickerProcess(schedulerArgs(), {
      KUBECONFIG: server.kubeconfig(),
      POINTSMAN_ADMIN_PORT: "0",
      POINTSMAN_METRICS_PORT: "0",
    }).ready();
    await picker.metricBecomes("pointsman_pool_usable_pods", 2);
  });
  afterAll(async () => {
    await picker?.kill();
    await server?.stop();
    for (const pod of pods) {
      pod.close();
      pod.closeAllConnections();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** The list that KServe writes, on ports that are free. */
  function schedulerArgs(): string[] {
    const own: Readonly<Record<string, string>> = { "--cert-path": folder, "--config-text": kserveConfigText };
    const text = readFileSync(new URL("../fixtures/foreign/flags-kserve.txt", import.meta.url), "utf8");
    return text
      .trim()
      .split("\n")
      .flatMap((line) => {
        const [flag = "", value = own[line]] = line.split(" ");
        if (value === undefined) return [flag];
        return [flag, /^--grpc(-health)?-port$/.test(flag) ? "0" : value];
      });
  }

  /** A gateway of Istio's, with DestinationRules that have it speak TLS to the scheduler and to the pods. */
  function configOf(files: readonly string[]): EnvoyConfig {
    // With Istio's retries and duplex Envoy sends bodies before trailers twice: the page of Istio has more.
    const shape = { pods: addresses, picker: picker.address, pools: "1.28", link: "tls", retries: false } as const;
    const config = applyPatches(istioGateway({ ...shape, authority }), files.flatMap(patchesOf));
    const { clusters } = config["static_resources"] as { clusters: Record<string, unknown>[] };
    const context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    for (const cluster of clusters.filter(({ name }) => String(name).includes("vllm"))) {
      cluster["transport_socket"] = { name: "envoy.transport_sockets.tls", typed_config: { "@type": context } };
    }
    return config;
  }

  async function withEnvoy(files: readonly string[], run: (port: number) => Promise<void>): Promise<void> {
    const envoy = await testEnvoy!.start({ config: configOf(files) });
    try {
      await run(envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, framing: Framing, body: Buffer, path = "/v1/chat/completions"): Promise<Answer> =>
    ask({ port, framing, path, body, headers: { [destination]: "127.0.0.1:1" } });
  const seenBy = ({ status, body }: Answer): Seen => {
    if (status !== 200) throw new Error(`status ${status}: ${body}`);
    return JSON.parse(body.toString()) as Seen;
  };

  test("it looks at the pods by HTTPS, and serves on TLS with the certificate it was given", async () => {
    expect(await picker.readiness()).toMatch(/^picking from 2 /);
    const url = `https://${picker.address}/`;
    const certificate = await new Promise<string | undefined>((resolve, reject) => {
      const request = https.get(url, { rejectUnauthorized: false });
      request.on("socket", (socket) =>
        socket.once("secureConnect", () => {
          resolve((socket as TLSSocket).getPeerCertificate().raw.toString("base64"));
          request.destroy();
        }),
      );
      request.on("error", reject);
    });
    const given = readFileSync(join(folder, "tls.crt"), "utf8").replace(/-----[A-Z ]+-----|\s/g, "");
    expect(certificate).toBe(given);
  });

  test.each([[[]], [["istio/buffered.yaml"]]])(
    "every framing arrives whole at the picked pod, with the patches %j",
    (files: readonly string[]) =>
      withEnvoy(files, async (port) => {
        const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
        for (const framing of framings) {
          const { pod, bytes, named } = seenBy(await send(port, framing, small));
          expect([framing, named, bytes]).toEqual([framing, pod, small.length]);
          expect(addresses).toContain(pod);
        }
        expect(seenBy(await send(port, "h1 chunked", large)).bytes).toBe(large.length);
        expect((await picker.metric("pointsman_picks_total", { reason: "scored" })) - before).toBe(framings.length + 1);
      }),
  );

  test("without a scheduler KServe's route leads to the Service, and the pods take turns", () =>
    withEnvoy([], async (port) => {
      const seen = new Set<string>();
      for (let i = 0; i < 4; i++) seen.add(seenBy(await send(port, "h1 content-length", small, "/direct")).pod);
      expect([...seen].sort()).toEqual(addresses);
    }));
});
