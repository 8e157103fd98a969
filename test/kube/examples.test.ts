import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exampleWith } from "../support/example-commands.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { startPicker } from "../support/picker-process.ts";

const kube = await findTestKube();
const labels = { app: "vllm", "model.aibrix.ai/name": "llama" };

describe.skipIf(kube.isMissing)(`the examples at a real API server${kube.note}`, () => {
  let server: KubeServer;

  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary, users: ["nobody"] });
    await server.createKind("inference-pool");
    const namespace = new KubeNamespace(server.admin, "default");
    for (const [name, readyAt] of [
      ["one", "10.0.0.1"],
      ["two", "10.0.0.2"],
    ] as const) {
      await namespace.createPod(name, { labels, readyAt });
    }
    const manifest = readFileSync(new URL("../../deploy/kubernetes/inference-pool.yaml", import.meta.url), "utf8");
    await namespace.create(parse(manifest) as KubeObject);
    await namespace.createService("vllm", { port: 8000 });
    await namespace.createEndpointSlice("vllm", [{ address: "10.0.0.1" }], 8000);
  });

  afterAll(() => server?.stop());

  test.each([
    ["--inference-pool", "vllm", 2],
    ["--endpoint-selector", "default", 2],
    ["--pods-service", "default", 1],
    ["--pods-aibrix", "llama", 2],
  ])("that of %s runs as it stands", async (flag, pool, pods) => {
    const picker = await startPicker(exampleWith(flag), { KUBECONFIG: server.kubeconfig() });
    try {
      await picker.metricBecomes("pointsman_pool_pods", pods, { pool });
      expect(await picker.readiness()).toMatch(new RegExp(`^(picking from|no usable pod: all) ${pods} `));
    } finally {
      await picker.kill();
    }
  });

  test("without the right to list pods the picker says which it lacks, and is not ready", async () => {
    const kubeconfig = server.kubeconfig("nobody");
    const picker = await startPicker(exampleWith("--endpoint-selector"), { KUBECONFIG: kubeconfig });
    try {
      const { problem } = await picker.line((line) => "problem" in line);
      expect(problem).toContain("needs list and watch on pods in namespace default");
      expect(await picker.readiness()).toContain(
        `sources of pods have not told any yet: pods default/app=vllm: ${problem}`,
      );
    } finally {
      await picker.kill();
    }
  });
});
