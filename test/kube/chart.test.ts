import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { findChartTools } from "../support/chart-tools.ts";
import { findCrdFiles, newestCrd } from "../support/crd-files.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { PickerProcess } from "../support/picker-process.ts";

const run = promisify(execFile);
const [tools, kube, crds] = await Promise.all([findChartTools(), findTestKube(), findCrdFiles()]);
const note = tools.note || kube.note || crds.note;
const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));
const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly readinessProbe: { readonly grpc: { readonly port: number } };
  readonly livenessProbe: unknown;
  readonly resources: unknown;
  readonly securityContext: unknown;
  readonly ports: readonly { readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}

const parseObjects = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((each) => each.toJS() as KubeObject | null)
    .filter((each) => each !== null);

async function render(values: object = {}, ...flags: string[]): Promise<KubeObject[]> {
  const file = join(folder, `values-${++written}.json`);
  await writeFile(file, JSON.stringify(values));
  // A helm that was built without its release's flags takes itself for one of Kubernetes 1.20.
  const how = ["--namespace", "default", "--kube-version", "1.36.0", "--values", file, ...flags];
  return parseObjects(await tools.helm("template", "pointsman", join(deploy, "chart"), ...how));
}

function find(objects: readonly KubeObject[], kind: string): KubeObject {
  const found = objects.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} among ${objects.map((each) => each.kind).join(", ")}`);
  return found;
}

const containerOf = (objects: readonly KubeObject[]): Container => {
  const spec = find(objects, "Deployment")["spec"] as { template: { spec: { containers: Container[] } } };
  const [container] = spec.template.spec.containers;
  if (container === undefined) throw new Error("no container");
  return container;
};

/** Everything at once that a value can switch on, and every number at its end. */
const extreme = {
  fullnameOverride: "a".repeat(63),
  image: {
    repository: "registry.example:5000/team/pointsman",
    digest: `sha256:${"0".repeat(64)}`,
    pullPolicy: "Always",
  },
  imagePullSecrets: [{ name: "pull" }],
  replicas: 0,
  config: {
    pools: [
      { name: "one", pods: { inferencePool: "models/one" } },
      { name: "two", pods: { selector: { namespace: "models", labels: "app=vllm,track!=canary", ports: [8000] } } },
    ],
    limits: { streams: 1_000_000, body: "64Mi" },
    seed: 2_147_483_647,
  },
  args: ["-v=5", "--model-headers=model"],
  env: [{ name: "POINTSMAN_PREFIX_INDEX_LIMIT", value: "1Gi" }],
  ports: { grpc: 50_052, grpcHealth: 65_535, metrics: 1024 },
  tls: { secretName: "cert", only: true, clientCaSecretName: "client-ca" },
  inferencePool: {
    create: true,
    name: "large",
    matchLabels: { app: "vllm", tier: "gpu" },
    targetPorts: [8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007],
    failureMode: "FailOpen",
  },
  serviceAccount: { annotations: { "example.com/role": "reader" } },
  rbac: { create: true, namespaces: ["models", "default"], allNamespaces: true },
  service: { clusterIP: "None", annotations: { "example.com/note": "true" } },
  resources: {},
  terminationGracePeriodSeconds: 3600,
  podDisruptionBudget: { maxUnavailable: "50%" },
  networkPolicy: {
    gateways: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "envoy-gateway-system" } } }],
    monitoring: [{ podSelector: { matchLabels: { app: "prometheus" } } }],
    modelServers: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
  },
  autoscaling: { create: true, minReplicas: 1, maxReplicas: 100, streamsOpen: 1_000_000, cpu: 1000 },
  podLabels: { team: "serving" },
  podAnnotations: { "example.com/scrape": "false" },
  nodeSelector: { pool: "cpu" },
  tolerations: [{ key: "cpu", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  priorityClassName: "system-cluster-critical",
  volumes: [{ name: "pods-ca", configMap: { name: "pods-ca" } }],
  volumeMounts: [{ name: "pods-ca", mountPath: "/etc/pods-ca" }],
};

let folder: string;
let written = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-chart-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(tools.isMissing)(`the chart${tools.note}`, () => {
  test("passes helm lint", async () => {
    const said = await tools.helm("lint", "--strict", "--kube-version", "1.36.0", join(deploy, "chart"));
    expect(said).toContain("0 chart(s) failed");
  });

  test("shows in values.yaml every value that its schema has", async () => {
    interface Schema {
      readonly properties?: Readonly<Record<string, Schema>>;
    }
    const namesOf = ({ properties = {} }: Schema): string[] =>
      Object.entries(properties).flatMap(([name, below]) => [name, ...namesOf(below).map((each) => `${name}.${each}`)]);
    const schema = JSON.parse(await readFile(join(deploy, "chart", "values.schema.json"), "utf8"));
    const values = parse(await readFile(join(deploy, "chart", "values.yaml"), "utf8"));
    const isShown = (name: string) =>
      name.split(".").reduce((below, key) => (below as Record<string, unknown> | undefined)?.[key], values) !==
      undefined;
    // Helm's own.
    expect(namesOf(schema).filter((name) => !isShown(name))).toEqual(["global"]);
  });

  test("has the version of the package", async () => {
    const { version } = JSON.parse(await readFile(join(deploy, "..", "package.json"), "utf8"));
    const chart = await tools.helm("show", "chart", join(deploy, "chart"));
    expect(chart).toContain(`\nversion: ${version}\n`);
    expect(chart).toContain(`appVersion: ${version}\n`);
    expect(containerOf(await render()).image).toBe(`pointsman:${version}`);
  });

  test.each([
    ["a word with a slip", { replica: 3 }, "replica"],
    ["a config without pools", { config: { pools: [] } }, "pools"],
    ["a port that is none", { ports: { grpc: 65_536 } }, "grpc"],
    ["nine target ports", { inferencePool: { targetPorts: [1, 2, 3, 4, 5, 6, 7, 8, 9] } }, "targetPorts"],
    ["a mode that there is not", { inferencePool: { failureMode: "Open" } }, "failureMode"],
    ["a monitor that there is not", { monitoring: { kind: "podmonitor" } }, "monitoring"],
    ["fewer replicas at most than at least", { autoscaling: { create: true, minReplicas: 9 } }, "minReplicas is above"],
    ["nothing to scale by", { autoscaling: { create: true, streamsOpen: 0, cpu: 0 } }, "needs streamsOpen or cpu"],
  ])("refuses %s", async (_what, values, words) => {
    await expect(render(values)).rejects.toThrow(words);
  });

  test("has no objects that are switched off, and none that the cluster may not know, by default", async () => {
    const kinds = (await render()).map(({ kind }) => kind).sort();
    const always = ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding"];
    expect(kinds).toEqual([...always, "Service", "ServiceAccount"]);
    const off = { create: false };
    const least = await render({ rbac: off, podDisruptionBudget: off, networkPolicy: off });
    expect(least.map(({ kind }) => kind).sort()).toEqual(["ConfigMap", "Deployment", "Service", "ServiceAccount"]);
  });

  test("runs the container as deploy/kubernetes does: probes, rights on the machine, resources", async () => {
    const shipped = parseObjects(await readFile(join(deploy, "kubernetes", "deployment.yaml"), "utf8"));
    const partsOf = (objects: KubeObject[]) => {
      const { template } = find(objects, "Deployment")["spec"] as { template: { spec: Record<string, unknown> } };
      const { securityContext: ofPod, terminationGracePeriodSeconds } = template.spec;
      const { ports, readinessProbe, livenessProbe, resources, securityContext } = containerOf(objects);
      return { ofPod, terminationGracePeriodSeconds, ports, readinessProbe, livenessProbe, resources, securityContext };
    };
    expect(partsOf(await render())).toEqual(partsOf(shipped));
    expect(containerOf(shipped)).toMatchObject({ securityContext: { readOnlyRootFilesystem: true } });
  });

  test("probes the ports that the flags open", async () => {
    const { args, readinessProbe, ports } = containerOf(await render(extreme));
    const opened = ["grpc-port", "grpc-health-port", "metrics-port"].map((name) =>
      args.find((arg) => arg.includes(name)),
    );
    expect(opened).toEqual(["--grpc-port=50052", "--grpc-health-port=65535", "--metrics-port=1024"]);
    expect(ports.map(({ containerPort }) => containerPort)).toEqual([50_052, 65_535, 1024]);
    expect(readinessProbe.grpc.port).toBe(65_535);
  });

  test("grants what deploy/kubernetes/rbac.yaml grants, in each namespace once", async () => {
    const shipped = parseObjects(await readFile(join(deploy, "kubernetes", "rbac.yaml"), "utf8"));
    const roles = (await render(extreme)).filter(({ kind }) => kind === "Role");
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["default", "models"]);
    for (const role of roles) expect(role["rules"]).toEqual(find(shipped, "Role")["rules"]);
  });

  test.each([
    ["default", {}],
    ["extreme", extreme],
    ["AIBrix's", { config: { pools: [{ pods: { aibrix: "all" } }] }, ports: { grpc: 50_052 } }],
    ["IPv6", { args: ["--bind-address=::"] }],
  ])("starts the picker with a config and flags that it takes, by %s values", async (_how, values) => {
    const objects = await render(values);
    const config = find(objects, "ConfigMap")["data"] as Record<string, string>;
    const file = join(folder, "pointsman.yaml");
    await writeFile(file, String(config["pointsman.yaml"]));
    const { args, volumeMounts } = containerOf(objects);
    // The files of Secrets are not there; that they are mounted where the flags look for them is all there is to see.
    const inSecrets = args.filter((arg) => /-tls$|ca\.crt$/.test(arg));
    const paths = inSecrets.map((arg) => arg.replace(/^[^=]*=/, ""));
    const isMounted = (path: string) => volumeMounts.some(({ mountPath }) => path.startsWith(mountPath));
    expect(paths.filter((path) => !isMounted(path))).toEqual([]);
    const flags = args.slice(1).filter((arg) => !inSecrets.includes(arg) && !arg.startsWith("--config-file="));
    const { stdout, stderr } = await run(process.execPath, [mainFile, "check", file, ...flags]);
    expect(`${stdout}${stderr}`).not.toMatch(/wrong/);
  });
});

describe.skipIf(tools.isMissing || kube.isMissing || crds.isMissing)(
  `the manifests at a real API server${note}`,
  () => {
    let server: KubeServer;

    beforeAll(async () => {
      server = await KubeServer.start({ binary: kube.binary });
      await server.admin.createKind(newestCrd("inference.networking.k8s.io", "InferencePool"));
      for (const kind of ["PodMonitor", "ServiceMonitor"]) {
        await server.admin.createKind(newestCrd("monitoring.coreos.com", kind));
      }
      for (const name of ["models", "kustomized", "aibrix-system"]) {
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
        const monitoring = { kind, interval: "500ms", labels: { release: "prometheus" } };
        await applyAll([find(await render({ monitoring }), kind)]);
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
