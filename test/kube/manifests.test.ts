/** Every object that we ship is applied to a real API server, strictly, by the definitions that the systems themselves bring. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findCrdFiles, readCrd } from "../support/crd-files.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { KubeServer } from "../support/kube-server.ts";
import { documentsOf, shippedObjects } from "../support/shipped-objects.ts";
import { type CrdSource, crdSources, groupOf, isShipped, nameOf, unknownTo } from "./crds/sources.ts";

const [crds, kube] = await Promise.all([findCrdFiles(), findTestKube()]);

const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));

type Fields = Record<string, unknown>;

/** Objects of an older version of a group stand in a group of their own, beside those of the newest. */
function servedGroup(source: CrdSource | undefined, group: string): string {
  const isOlder = source !== undefined && isShipped(source) && source.only !== undefined;
  return isOlder ? `${source.version.replaceAll(".", "-")}.${group}` : group;
}

/** Each object by each of the definitions it is held against, ready to be applied. */
const checks = shippedObjects().flatMap(({ path, object, sources }) =>
  sources.map((source) => {
    const group = groupOf(object.apiVersion);
    const apiVersion = object.apiVersion.replace(group, servedGroup(source, group));
    const left = unknownTo(source, object);
    const fitting = left.reduce((changed, field) => withField(changed, field, undefined), { ...object, apiVersion });
    const name = `${object.kind} ${object.metadata.name} of ${path}`;
    return { name, by: nameOf(source), path, source, object: placed(fitting) };
  }),
);

/** In the namespace of an object that names none. */
function placed(object: KubeObject): KubeObject {
  if (object.kind.startsWith("Cluster") || object.kind === "GatewayClass") return object;
  return { ...object, metadata: { namespace: "default", ...object.metadata } };
}

/** A copy in which the field at the path (`a.0.b`) has another value; undefined takes it away. */
function withField<T extends KubeObject>(object: T, path: string, value: unknown): T {
  const copy = structuredClone(object);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const below = keys.reduce<Fields | undefined>((at, key) => at?.[key] as Fields | undefined, copy);
  if (below === undefined) throw new Error(`no ${keys.join(".")} in ${object.kind} ${object.metadata.name}`);
  below[last] = value;
  return copy;
}

function find(path: string, kind: string, version = ""): KubeObject {
  const found = checks.find(
    (each) => each.path.endsWith(path) && each.object.kind === kind && each.by.includes(version),
  );
  if (found === undefined) throw new Error(`no ${kind} in ${path}`);
  return found.object;
}

/** The definitions of all that is checked, each under the group it is served by here. */
function definitions(): KubeObject[] {
  const kinds = checks.flatMap(({ source, object }): [string, KubeObject][] => {
    if (source === undefined) return [];
    const definition = readCrd(source, object.kind);
    const spec = definition["spec"] as { names: { plural: string } };
    const group = groupOf(object.apiVersion);
    const metadata = { ...definition.metadata, name: `${spec.names.plural}.${group}` };
    return [[metadata.name, { ...definition, metadata, spec: { ...spec, group } }]];
  });
  return [...new Map(kinds).values()];
}

/** What pages tell people to type. */
const patchCommands = globSync("gateways/*/README.md", { cwd: deploy }).flatMap((page) => {
  const text = readFileSync(join(deploy, page), "utf8");
  const command = /^kubectl (?:-n \S+ )?patch (\S+) (\S+) --type (json|merge) -p '(.+)'$/gm;
  return [...text.matchAll(command)].map(([, kind = "", name = "", type = "", json = ""]) => {
    return { page, kind, name, type: type as "json" | "merge", change: JSON.parse(json) as unknown };
  });
});

describe.skipIf(crds.isMissing || kube.isMissing)(`the manifests of deploy/${crds.note || kube.note}`, () => {
  let server: KubeServer;
  const apply = (object: KubeObject) => server.admin.apply(object);

  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
    const namespaces = new Set(checks.map(({ object }) => object.metadata.namespace ?? "default"));
    namespaces.delete("default");
    await Promise.all([
      ...definitions().map((kind) => server.admin.createKind(kind)),
      ...[...namespaces].map((name) =>
        server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
      ),
    ]);
  });

  afterAll(() => server?.stop());

  test("are held against every definition that is pinned", () => {
    const used = new Set(checks.map(({ by }) => by));
    expect(crdSources.map(nameOf).filter((name) => !used.has(name))).toEqual([]);
    expect(used.size).toBe(crdSources.length + 1);
  });

  test.each(checks)("$name is taken, and with a slip it is not: $by", async ({ object }) => {
    await apply(object);
    const slip = "spec" in object ? "spec.slip" : "slip";
    await expect(apply(withField(object, slip, "x"))).rejects.toThrow("slip");
  });

  const pool = { group: "inference.networking.k8s.io", kind: "InferencePool", name: "two" };
  const rule = "spec.rules.0";
  const processor = "spec.extProc.0";
  const patch = "spec.configPatches.0.patch";
  const main = "spec.router.scheduler.template.containers.0";
  test.each([
    ["override.yaml", "EnvoyExtensionPolicy", `${processor}.processingMode.request.body`, "BUFFERED", "Unsupported"],
    ["duplex.yaml", "EnvoyExtensionPolicy", `${processor}.failOpen`, true, "FullDuplexStreamed"],
    ["inference-pool/httproute.yaml", "HTTPRoute", `${rule}.timeouts.request`, "0", "should match"],
    ["inference-pool.yaml", "InferencePool", "spec.targetPorts", [{ number: 1 }, { number: 1 }], "unique"],
    ["envoy-filter.yaml", "EnvoyFilter", `${patch}.operation`, "INSERT", "Unsupported"],
    ["envoy-filter.yaml", "VirtualService", "spec.http.0.timeout", "0s", "valid duration"],
    ["destination-rule.yaml", "DestinationRule", "spec.trafficPolicy.tls.mode", "Simple", "Unsupported"],
    ["aigatewayroute.yaml", "AIGatewayRoute", `${rule}.backendRefs.1`, pool, "only backend"],
    ["llm-inference-service.yaml", "LLMInferenceService", main, { image: "pointsman" }, "Required"],
  ])("%s would not be taken with a %s whose %s is %j", async (path, kind, field, value, words) => {
    await expect(apply(withField(find(path, kind), field, value))).rejects.toThrow(words);
  });

  test("are not taken by a version that lacks what they use", async () => {
    const field = `${processor}.statusOnError`;
    const policy = (version: string) => withField(find("override.yaml", "EnvoyExtensionPolicy", version), field, 503);
    await apply(policy("v1.9.1"));
    await expect(apply(policy("v1.5.0"))).rejects.toThrow("statusOnError");
  });

  test.each(patchCommands)(
    "$page: kubectl patch $kind $name is taken as it stands",
    async ({ kind, name, type, change }) => {
      const named = checks.filter(({ object }) => object.kind.toLowerCase() === kind && object.metadata.name === name);
      const changes: boolean[] = [];
      // Of several files with the same object one may say already what the patch says.
      for (const { object } of named) {
        const before = await apply(object);
        const after = await server.admin.patchStrictly(object, type, change);
        changes.push(!isDeepStrictEqual(after["spec"], before["spec"]));
        // The way back is to apply the manifest once more.
        expect((await apply(object))["spec"]).toEqual(before["spec"]);
      }
      expect(changes).toContain(true);
    },
  );

  test("plugin-deployment.yaml makes AIBrix's Deployment ours, and leaves what it does not name", async () => {
    const labels = { app: "gateway-plugins" };
    const ports = [{ name: "gateway", containerPort: 50_052, protocol: "TCP" }];
    const asksForReadiness = { grpc: { port: 50_052 }, periodSeconds: 10, failureThreshold: 3 };
    const container = {
      name: "gateway-plugin",
      image: "aibrix/gateway-plugins:v1",
      command: ["/plugins"],
      args: ["-v"],
      livenessProbe: asksForReadiness,
      readinessProbe: asksForReadiness,
      resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } },
    };
    const spec = { initContainers: [{ name: "init-c", image: "busybox" }], containers: [{ ...container, ports }] };
    const metadata = { name: "aibrix-gateway-plugins", namespace: "aibrix-system" };
    const template = { metadata: { labels }, spec };
    await apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: labels }, template },
    });
    const [change] = documentsOf("gateways/aibrix/plugin-deployment.yaml");
    const ref = { apiVersion: "apps/v1", kind: "Deployment", metadata };
    const patched = await server.admin.patchStrictly(ref, "strategic", change);
    const after = (patched["spec"] as { template: { spec: Fields & { containers: Fields[] } } }).template.spec;
    expect(after).not.toHaveProperty("initContainers.0");
    expect(after.containers).toHaveLength(1);
    const image = expect.stringContaining("pointsman");
    expect(after.containers[0]).toMatchObject({ ports, image, args: expect.arrayContaining(["serve"]) });
    expect(after.containers[0]).not.toHaveProperty("command");
    // As our own Deployment has them; who is not ready is not killed, and CPU has no limit.
    const [own] = documentsOf("kubernetes/deployment.yaml") as {
      spec: { template: { spec: { containers: Fields[] } } };
    }[];
    const { livenessProbe, resources } = own?.spec.template.spec.containers[0] ?? {};
    const port = { httpGet: { port: 8080 } };
    expect(after.containers[0]?.["livenessProbe"]).toMatchObject({ ...(livenessProbe as object), ...port });
    expect(after.containers[0]).not.toHaveProperty("livenessProbe.grpc");
    expect(after.containers[0]).toMatchObject({ readinessProbe: asksForReadiness });
    expect(after.containers[0]?.["resources"]).toEqual(resources);
    expect(after.containers[0]).not.toHaveProperty("resources.limits.cpu");
  });
});
