/** What chart and kustomize make, applied to a real API server: it is taken, lets pickers find pods, and keeps their number. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { rulesText } from "../../deploy/monitoring/rules.ts";
import { connectExtProc } from "../../src/ext-proc/client.ts";
import { mutatedHeaders } from "../../src/ext-proc/messages.ts";
import { containerOf, find, parseObjects, renderChart } from "../support/chart-objects.ts";
import { findChartTools } from "../support/chart-tools.ts";
import { besideAibrix, extreme } from "../support/chart-values.ts";
import { findCrdFiles, newestCrd } from "../support/crd-files.ts";
import * as envoy from "../support/envoy-messages.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { PickerProcess } from "../support/picker-process.ts";

const [tools, kube, crds] = await Promise.all([findChartTools(), findTestKube(), findCrdFiles()]);
const note = tools.note || kube.note || crds.note;
const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));
const render = (values: object = {}, ...flags: string[]) => renderChart(tools, values, ...flags);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-chart-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(tools.isMissing || kube.isMissing || crds.isMissing)(
  `the manifests at a real API server${note}`,
  () => {
    let server: KubeServer;

    beforeAll(async () => {
      server = await KubeServer.start({ binary: kube.binary });
      await server.admin.createKind(newestCrd("inference.networking.k8s.io", "InferencePool"));
      for (const kind of ["PodMonitor", "ServiceMonitor", "PrometheusRule"]) {
        await server.admin.createKind(newestCrd("monitoring.coreos.com", kind));
      }
      for (const name of ["models", "kustomized", "aibrix-system", "handed", "dropped"]) {
        await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
      }
    });

    afterAll(() => server?.stop());

    async function applyAll(objects: readonly KubeObject[], to = "default"): Promise<void> {
      for (const object of objects) {
        const namespace = /^Cluster/.test(object.kind) ? {} : { namespace: object.metadata.namespace ?? to };
        await server.admin.apply({ ...object, metadata: { ...object.metadata, ...namespace } });
      }
    }

    test("are taken as the chart renders them, with default and with extreme values", async () => {
      await applyAll(await render());
      await applyAll(await render(extreme));
      for (const kind of ["PodMonitor", "ServiceMonitor"]) {
        const monitoring = { kind, interval: "500ms", labels: { release: "prometheus" }, rules: true };
        const objects = await render({ monitoring });
        await applyAll([find(objects, kind), find(objects, "PrometheusRule")]);
        expect(find(objects, "PrometheusRule")["spec"]).toEqual({ groups: parse(rulesText()).groups });
      }
    });

    test("would not be taken with a field that there is not", async () => {
      const deployment = find(await render(), "Deployment");
      const spec = { ...(deployment["spec"] as object), replica: 1 };
      await expect(applyAll([{ ...deployment, spec }])).rejects.toThrow("replica");
    });

    test("are taken as kustomize builds them, the autoscaler among them", async () => {
      await applyAll(parseObjects(await tools.kustomize("build", join(deploy, "kubernetes"))), "kustomized");
      const objects = await overlay({}, "autoscaling", "monitoring");
      await applyAll(objects, "kustomized");
      expect(find(objects, "Deployment")["spec"]).not.toHaveProperty("replicas");
      expect(find(objects, "PodMonitor").metadata.name).toBe("pointsman");
      expect(find(objects, "PrometheusRule").metadata.name).toBe("pointsman");
    });

    const replicasOf = async (name: string, namespace: string) => {
      const found = await server.admin.read({
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name, namespace },
      });
      return (found["spec"] as { replicas: number }).replicas;
    };

    test("keep their number when the chart's autoscaler is switched on", async () => {
      const helm = async (...words: string[]) =>
        tools.helm(
          ...words,
          "scaled",
          join(deploy, "chart"),
          "--kubeconfig",
          server.kubeconfig(),
          "--namespace",
          "models",
        );
      const name = "scaled-pointsman";
      await helm("install", "--set", "replicas=3");
      expect(await replicasOf(name, "models")).toBe(3);
      await helm("upgrade", "--set", "autoscaling.create=true");
      expect(await replicasOf(name, "models")).toBe(3);
      // As the autoscaler does it; the next upgrade does not undo it.
      await server.admin.patch(
        { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "models" } },
        { spec: { replicas: 4 } },
      );
      await helm("upgrade", "--set", "autoscaling.create=true", "--set", "terminationGracePeriodSeconds=50");
      expect(await replicasOf(name, "models")).toBe(4);
    });

    test("keep their number when kustomize's autoscaler is switched on, if it was handed over, and only then", async () => {
      const without = find(await overlay({}, "autoscaling"), "Deployment");
      const [handed] = parseObjects(await readFile(join(deploy, "kubernetes", "autoscaling", "replicas.yaml"), "utf8"));
      for (const [namespace, handsOver, left] of [
        ["handed", true, 2],
        ["dropped", false, 1],
      ] as const) {
        await applyAll(parseObjects(await tools.kustomize("build", join(deploy, "kubernetes"))), namespace);
        expect(await replicasOf("pointsman", namespace)).toBe(2);
        const inIt = ({ metadata, ...rest }: KubeObject) =>
          ({ ...rest, metadata: { ...metadata, namespace } }) as KubeObject;
        if (handsOver) await server.admin.apply(inIt(handed!), "autoscaling");
        await server.admin.apply(inIt(without));
        expect(await replicasOf("pointsman", namespace)).toBe(left);
      }
    });

    /** An overlay as a user would write it: with components of ours. */
    async function overlay(fields: object, ...components: string[]): Promise<KubeObject[]> {
      const own = await mkdtemp(join(folder, "overlay-"));
      await cp(join(deploy, "kubernetes"), join(own, "base"), { recursive: true });
      const names = components.map((name) => `../base/${name}`);
      await mkdir(join(own, "own"));
      const kustomization = { resources: ["../base"], components: names, ...fields };
      await writeFile(join(own, "own", "kustomization.yaml"), JSON.stringify(kustomization));
      return parseObjects(await tools.kustomize("build", join(own, "own")));
    }

    /** Started as the container would be, but for its ports, with the token of its account and nothing else. */
    async function startAs(account: string, namespace: string, ...flags: string[]): Promise<PickerProcess> {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
      const wanted = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
      const { status } = (await server.admin.ask("POST", path, wanted)).body as { status?: { token: string } };
      const KUBECONFIG = await server.writeKubeconfig({ token: status?.token ?? "" });
      const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
      const all = ["--bind-address=127.0.0.1", "--drain-delay=0s", ...ports, ...flags];
      const picker = new PickerProcess(all, { KUBECONFIG, NAMESPACE: namespace });
      onTestFinished(() => picker.kill());
      return picker.ready();
    }

    /** Having been refused nothing. */
    async function finds(picker: PickerProcess, pods: number): Promise<void> {
      await picker.metricBecomes("pointsman_pool_pods", pods);
      expect(await picker.metric("pointsman_source_failures_total")).toBe(0);
      expect(picker.log.filter(({ problem }) => problem !== undefined)).toEqual([]);
    }

    test("of the chart let the picker find its pods, by the InferencePool of the chart", async () => {
      const objects = await render({ inferencePool: { create: true } }, "--set", "fullnameOverride=rights");
      await applyAll(objects);
      await new KubeNamespace(server.admin, "default").createPod("one", {
        labels: { app: "vllm" },
        readyAt: "10.0.0.1",
      });
      const file = join(folder, "rights.yaml");
      await writeFile(file, String((find(objects, "ConfigMap")["data"] as Record<string, string>)["pointsman.yaml"]));
      await finds(await startAs("rights", "default", `--config-file=${file}`), 1);
    });

    test("beside AIBrix have its port and its pods of all namespaces, and no more rights than that", async () => {
      const objects = await overlay({ namespace: "aibrix-system" }, "aibrix");
      expect(objects.map(({ kind }) => kind)).not.toContain("Role");
      expect(objects.map(({ kind }) => kind)).not.toContain("RoleBinding");
      await applyAll(objects);
      const { args, ports } = containerOf(objects);
      const service = find(objects, "Service")["spec"] as { ports: { port: number }[] };
      const policy = JSON.stringify(find(objects, "NetworkPolicy")["spec"]);
      expect([ports[0]?.containerPort, service.ports[0]?.port]).toEqual([50_052, 50_052]);
      expect(policy).toContain('{"port":50052}');
      expect(policy).not.toContain("9002");
      const labels = { "model.aibrix.ai/name": "llama", "model.aibrix.ai/port": "8000" };
      await new KubeNamespace(server.admin, "models").createPod("three", { labels, readyAt: "10.0.0.3" });
      const flags = args.slice(1).filter((arg) => arg !== "--grpc-port=50052");
      expect(flags).toHaveLength(args.length - 2);
      await finds(await startAs("pointsman", "aibrix-system", ...flags), 1);
    });

    test("beside AIBrix name the pod where its cluster looks, by the values of the chart's page", async () => {
      const objects = await render(besideAibrix(), "--set", "fullnameOverride=beside", "--namespace", "aibrix-system");
      await applyAll(objects, "aibrix-system");
      const file = join(folder, "beside.yaml");
      await writeFile(file, String((find(objects, "ConfigMap")["data"] as Record<string, string>)["pointsman.yaml"]));
      const flags = containerOf(objects).args.slice(1);
      const own = flags.filter((flag) => !/^--(config-file|grpc-port|grpc-health-port|metrics-port)=/.test(flag));
      expect(flags).toContain("--grpc-port=50052");
      const labels = { "model.aibrix.ai/name": "mistral", "model.aibrix.ai/port": "8000" };
      await new KubeNamespace(server.admin, "models").createPod("four", { labels, readyAt: "10.0.0.4" });
      const picker = await startAs("beside", "aibrix-system", `--config-file=${file}`, ...own);
      await picker.metricBecomes("pointsman_pool_pods", 1, { pool: "mistral" });
      const client = connectExtProc({ address: picker.address });
      onTestFinished(() => client.close());
      const body = JSON.stringify({ model: "mistral", messages: [{ role: "user", content: "Hello" }] });
      const stream = client.process();
      stream.send(envoy.requestHeaders({ contentLength: body.length }));
      await stream.reply();
      stream.send(envoy.requestBody(body));
      const reply = await stream.reply();
      expect(reply && mutatedHeaders(reply).get("target-pod")).toBe("10.0.0.4:8000");
      stream.halfClose();
    });

    test("of deploy/kubernetes do too, with the flags of the Deployment", async () => {
      const objects = parseObjects(await tools.kustomize("build", join(deploy, "kubernetes")));
      const pool = parseObjects(await readFile(join(deploy, "kubernetes", "inference-pool.yaml"), "utf8"));
      await applyAll([...objects, ...pool], "kustomized");
      const namespace = new KubeNamespace(server.admin, "kustomized");
      await namespace.createPod("two", { labels: { app: "vllm" }, readyAt: "10.0.0.2" });
      await finds(await startAs("pointsman", "kustomized", ...containerOf(objects).args.slice(1)), 1);
    });
  },
);
