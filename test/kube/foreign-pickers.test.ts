/** Argument lists of pickers that people run today, as they are, at an API server that knows the old group alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";
import { kserveConfigText } from "../support/kserve-config.ts";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { PickerProcess } from "../support/picker-process.ts";
import { oldPool } from "./pool-objects.ts";

const kube = await findTestKube();
const labels = { app: "vllm" };

/** The lines of a fixture, each a flag and its value; ports that others may have too are replaced by free ones. */
function listOf(name: string): string[] {
  const text = readFileSync(new URL(`../fixtures/foreign/${name}.txt`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => line.replace(/^(--(?:grpc|grpc-health|metrics)-port) \d+$/, "$1 0"));
}

describe.skipIf(kube.isMissing)(`the old group at a real API server${kube.note}`, () => {
  let server: KubeServer;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "foreign-pickers-"));
    const { certificate, key } = selfSigned("kserve", new Date());
    writeFileSync(join(folder, "tls.crt"), certificate);
    writeFileSync(join(folder, "tls.key"), key);
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool-v1alpha2");
    for (const name of ["default", "n"]) {
      const namespace = name === "default" ? new KubeNamespace(server.admin, name) : await namespaceNamed(name);
      await namespace.createPod("one", { labels, readyAt: "10.0.0.1" });
      await namespace.createPod("two", { labels, readyAt: "10.0.0.2" });
      await namespace.create(oldPool("p", labels));
    }
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function namespaceNamed(name: string): Promise<KubeNamespace> {
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return new KubeNamespace(server.admin, name);
  }

  /** What the picker with these arguments knows and warns of. */
  async function started(args: readonly string[]): Promise<{ readonly warned: unknown[] }> {
    const environment = { KUBECONFIG: server.kubeconfig(), POINTSMAN_ADMIN_PORT: "0", POINTSMAN_METRICS_PORT: "0" };
    const picker = await new PickerProcess(args, environment).ready();
    try {
      await picker.metricBecomes("pointsman_pool_pods", 2, { pool: "p" });
      expect(await picker.readiness()).toMatch(/^(picking from|no usable pod: all) 2 /);
      return { warned: picker.log.flatMap(({ about }) => (about === undefined ? [] : [about])) };
    } finally {
      await picker.kill();
    }
  }

  test("the whole list of the picker 1.0 starts, with one line for each flag that is otherwise now", async () => {
    const { warned } = await started(
      listOf("flags-1.0").flatMap((line) => {
        const [flag = "", value = ""] = line.split(" ");
        // Switches take no word of their own after them.
        return /^(true|false)$/.test(value) ? [`${flag}=${value}`] : [flag, value];
      }),
    );
    expect(warned).toEqual([
      "--health-checking",
      "--refresh-prometheus-metrics-interval",
      "--metrics-staleness-threshold",
      "--total-queued-requests-metric",
      "--total-running-requests-metric",
      "--kv-cache-usage-percentage-metric",
      "--lora-info-metric",
      "--cache-info-metric",
      "--metrics-endpoint-auth",
      "--enable-pprof",
    ]);
  });

  test("KServe's list starts", async () => {
    const own: Readonly<Record<string, string>> = { "--cert-path": folder, "--config-text": kserveConfigText };
    const { warned } = await started(
      listOf("flags-kserve").flatMap((line) => {
        const [flag = "", value = own[line]] = line.split(" ");
        return value === undefined ? [flag] : [flag, value];
      }),
    );
    expect(warned).toEqual(["--model-server-metrics-scheme", "--model-server-metrics-https-insecure-skip-verify"]);
  });
});
