/** The chart as helm renders it: what it refuses, and what comes of its values. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { containerOf, find, parseObjects, renderChart } from "../support/chart-objects.ts";
import { findChartTools } from "../support/chart-tools.ts";
import { besideAibrix, extreme } from "../support/chart-values.ts";
import type { KubeObject } from "../support/kube-client.ts";

const run = promisify(execFile);
const tools = await findChartTools();
const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));
const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const render = (values: object = {}, ...flags: string[]) => renderChart(tools, values, ...flags);

let folder: string;

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
    [
      "a share of CPU that is not asked for",
      { autoscaling: { create: true }, resources: { requests: { cpu: null } } },
      "cpu, which is missing",
    ],
    ["two ports that are one", { ports: { grpc: 9090 } }, "must differ"],
    ["the admin port", { ports: { metrics: 9091 } }, "must differ"],
    ["a label that the chart gives", { podLabels: { "app.kubernetes.io/name": "x" } }, "app.kubernetes.io/name"],
    ["a label of a monitor that it gives", { monitoring: { labels: { "helm.sh/chart": "x" } } }, "helm.sh/chart"],
    [
      "a pool that its pickers do not follow",
      { inferencePool: { create: true, name: "mine" } },
      "no pool of config.pools",
    ],
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

  test("takes names that YAML would read as a number or a word of its own for names", async () => {
    const objects = await render(
      {
        fullnameOverride: "true",
        priorityClassName: "1e3",
        imagePullSecrets: [{ name: "007" }],
        tls: { secretName: "12", clientCaSecretName: "34" },
        rbac: { namespaces: ["56"] },
        config: { pools: [{ pods: { inferencePool: { name: "78" } } }] },
        inferencePool: { create: true, name: "78" },
        podLabels: { team: "9" },
      },
      ...["--namespace", "42"],
    );
    const named = new Set<unknown>();
    const isName = /[nN]ame$|[nN]amespace$|^app\.|^team$|metadata\.name$/;
    JSON.stringify(objects, (key, value: unknown) => {
      if (isName.test(key) && typeof value !== "object") named.add(value);
      return value;
    });
    expect([...named].filter((value) => typeof value !== "string")).toEqual([]);
    for (const name of ["true", "1e3", "007", "12", "34", "56", "78", "9", "42"]) expect(named).toContain(name);
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
    ["AIBrix's", besideAibrix()],
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
